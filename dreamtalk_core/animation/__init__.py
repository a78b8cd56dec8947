"""What speech does not dictate, and what animators turn. Numpy only."""
