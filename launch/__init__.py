"""Starts many runs."""
