"""The built-in head, and heads of other people."""
