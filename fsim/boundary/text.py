"""Names from outside, made harmless for terminals."""

import os
import unicodedata

UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # Unicode categories that a terminal obeys or cannot show.


def shown(name: object) -> str:
  """For people: control characters, terminal codes and bytes that are no UTF-8 are written as escapes (\\xe9, \\n)."""
  return "".join(_escaped(letter) if unicodedata.category(letter) in UNSEEN else letter for letter in str(name))


def _escaped(letter: str) -> str:
  if "\udc80" <= letter <= "\udcff":  # How Python holds a byte of a file name that is not UTF-8.
    return f"\\x{os.fsencode(letter).hex()}"
  return letter.encode("unicode_escape").decode()


def name_and_number(text: str) -> tuple[str, float | None]:
  """What users write as NAME:NUMBER. None if there is no colon with a number behind it: then it is a name alone."""
  name, colon, number = text.rpartition(":")
  try:
    return (name.strip(), float(number)) if colon else (text.strip(), None)
  except ValueError:
    return text.strip(), None
