"""Thousands of lines: a table says what they are, a ledger what became of them."""
