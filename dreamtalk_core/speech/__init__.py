"""Speech: its loading and its features."""
