import math

import pytest

from fsim.evidence import verbal


@pytest.mark.parametrize(
  ("ratio", "words"),
  [
    (1, "no support for one over the other"),
    (1.99, "no support for one over the other"),
    (2, "weak support"),
    (9.9, "weak support"),
    (10, "moderate support"),
    (100, "moderately strong support"),
    (1_000, "strong support"),
    (10_000, "very strong support"),
    (999_999, "very strong support"),
    (1_000_000, "extremely strong support"),
    (1e30, "extremely strong support"),
  ],
)
def test_a_ratio_and_its_inverse_have_the_same_words_for_either_side(ratio, words):
  log10 = math.log10(ratio)
  favours = int(words != verbal.scale()["none"])
  assert verbal.support(log10) == (words, favours)
  assert verbal.support(-log10) == (words, -favours)


def test_levels_rise_and_have_a_source():
  levels = [level["from"] for level in verbal.scale()["levels"]]
  assert levels == sorted(set(levels))
  assert "ENFSI" in verbal.scale()["source"]


@pytest.mark.parametrize(
  ("log10", "text"),
  [
    (0.0, "1"),
    (0.01, "1"),
    (-0.01, "1"),
    (math.log10(2), "2"),
    (math.log10(7.41), "7.4"),
    (math.log10(9.99), "10"),
    (math.log10(1234), "1,200"),
    (-math.log10(8), "1/8"),
    (6.3, "2,000,000"),
    (12.0, "10^12"),
    (-12.0, "1/10^12"),
  ],
)
def test_numbers_have_two_digits(log10, text):
  assert verbal.number(log10) == text
