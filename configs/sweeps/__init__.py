"""Sweeps: many runs of one configuration each."""
