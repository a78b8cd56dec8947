"""A picture of a face that speaks."""
