"""Scores of photographs -> likelihood ratios whose calibration is known -> what is said about a case. docs/compare.md."""
