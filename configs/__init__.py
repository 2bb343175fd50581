"""Configurations: one short file a system."""
