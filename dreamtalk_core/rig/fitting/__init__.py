"""The built-in head's shapes carried over to heads that have none: `carry.carried`."""
