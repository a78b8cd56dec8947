"""Shapes for heads that have none: `make.make_shapes` and `make.save_shapes`."""
