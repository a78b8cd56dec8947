"""Speech: its loading, and what is heard in it."""
