import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.boundary import text


@pytest.mark.parametrize(
  ("name", "expected"),
  [
    ("Zoë 写真.jpg", "Zoë 写真.jpg"),
    ("a\nb\r\tc", "a\\nb\\r\\tc"),
    ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
    ("caf\udce9", "caf\\xe9"),
    ("\u202egpj.exe", "\\u202egpj.exe"),
    ("a\u2028b\u200b", "a\\u2028b\\u200b"),
    ("\ud800", "\\ud800"),
    ("\x9b31m", "\\x9b31m"),
  ],
)
def test_names_are_shown_without_what_a_terminal_obeys(name, expected):
  assert text.shown(name) == expected


@given(st.text(st.characters(codec=None), max_size=30))
def test_any_name_is_one_line_that_can_be_printed(name):
  shown = text.shown(name)
  assert len(shown.splitlines()) <= 1
  assert "".join(shown.split()).isprintable()  # Between the spaces that other scripts have.
  shown.encode("utf-8")
  assert text.shown(shown) == shown
