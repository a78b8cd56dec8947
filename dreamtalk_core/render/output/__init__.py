"""Frames and sound, written."""
