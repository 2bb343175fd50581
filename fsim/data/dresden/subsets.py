"""The four parts of the Dresden database, by the words that people use for them."""

import re

from fsim.boundary.errors import UserError

NATURAL = "natural"
SUBSETS = (NATURAL, "flat-field", "dark", "jpeg")
# Tried on the letters alone: "Dresden_flat-fields" and "dark frames" say what they are, "jpgs" does not.
WORDS = {
  "natural|^nat$": NATURAL,
  "flatfield|^flats?$": "flat-field",
  "^dark|darkf(rame|ield)": "dark",
  "^jpeg": "jpeg",
}
NO_SCENE = re.compile("(flatfield|darkframe|darkfield)s?")  # Of people's own folders, whatever their case and dashes.


def listed(names: str) -> list[str]:
  """The subsets of a list with commas. Raises UserError for one that there is not."""
  found = [name.strip() for name in names.split(",")]
  unknown = [name for name in found if name not in SUBSETS]
  if unknown:
    raise UserError(f"subsets are {', '.join(SUBSETS)}, or several with commas between them; got {unknown[0]!r}")
  return found


def subset_of(label: str) -> str:
  """The subset that a folder's or manifest's label means, "" if none."""
  return next((subset for word, subset in WORDS.items() if re.search(word, _letters(label))), "")


def subset_of_folders(folders: tuple[str, ...]) -> str:
  """The subset said by the innermost folder that says one; natural if none does."""
  return next((s for s in map(subset_of, reversed(folders)) if s), NATURAL)


def subset_of_scenes(folders: tuple[str, ...]) -> str:
  """As `subset_of_folders`, of folders that people named after scenes: "JPEG" and "Dark sky" are some."""
  return subset_of_folders(tuple(folder for folder in folders if NO_SCENE.fullmatch(_letters(folder))))


def _letters(label: str) -> str:
  return re.sub("[^a-z]", "", label.lower())
