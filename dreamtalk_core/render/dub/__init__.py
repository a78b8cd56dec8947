"""A video in which somebody says something else: the lower half of a face, drawn anew."""
