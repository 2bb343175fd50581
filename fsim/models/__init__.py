"""Extractors and scorers: flax.linen modules and pure functions."""
