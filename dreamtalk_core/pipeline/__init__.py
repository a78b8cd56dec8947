"""The five steps as one object, at once and as a stream."""
