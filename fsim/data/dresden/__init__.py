"""Folders of Dresden-named JPEGs -> a verified table -> a TFDS data set that keeps the original bytes."""
