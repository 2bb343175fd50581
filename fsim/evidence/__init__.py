"""Scores of photographs -> calibrated likelihood ratios -> a case. docs/compare.md, docs/case.md."""
