"""The corpora that our own figures come from, which may not be handed on: how they are laid out."""
