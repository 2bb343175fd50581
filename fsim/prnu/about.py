"""What a fingerprint file says of itself, held against what can be true before anything is made of it."""

import json
import math
import re
from typing import Any, NamedTuple

from fsim.boundary.errors import UserError
from fsim.data.markers import MAX_PIXELS
from fsim.prnu.residuals import DEFAULT, SMALLEST, Settings, require_sane

FORMAT = 1  # Of the files.
MAX_IMAGES = 1_000_000
MAX_LETTERS = 1_000  # Of a name or a sentence.
HASH = re.compile(r"[0-9a-f]{1,64}")  # SHA-256 has 64 digits; data sets of our own may number their images.


class About(NamedTuple):
  """The fields of a file, checked.

  Attributes:
    images, contents: SHA-256 of the files, and of their pixels in the same order (or none, in older files).
    scales: by which the two stored arrays are multiplied.
    checked: what is known of the images' being of one camera, "" in older files.
  """

  device: str
  images: tuple[str, ...]
  settings: Settings
  size: tuple[int, int]
  bits: int
  scales: tuple[float, float]
  contents: tuple[str, ...]
  checked: str


def parse(text: str) -> About:
  """Raises ValueError with the cause."""
  try:
    fields = json.loads(text)
  except RecursionError as error:
    raise ValueError("its description is nested too deeply") from error
  _require(isinstance(fields, dict), "its description is no object")
  missing = [
    name for name in ("format", "device", "images", "settings", "size", "bits", "scales") if name not in fields
  ]
  _require(not missing, f"{', '.join(missing)} missing")
  form = fields["format"]
  _require(_is_whole(form) and form == FORMAT, f"format {str(form)[:20]}, this version reads {FORMAT}")
  device, checked = fields["device"], fields.get("checked", "")
  _require(all(isinstance(x, str) and len(x) <= MAX_LETTERS for x in (device, checked)), "its device is no name")
  size, scales, bits = fields["size"], fields["scales"], fields["bits"]
  _require(_is_pair(size) and all(_is_whole(n) and n >= SMALLEST for n in size), f"its size is {str(size)[:40]}")
  _require(math.prod(size) <= MAX_PIXELS, "more pixels than any sensor")
  _require(_is_pair(scales) and all(_is_number(x) and x > 0 for x in scales), f"its scales are {str(scales)[:40]}")
  _require(_is_whole(bits) and bits in (16, 32), f"numbers of {str(bits)[:20]} bits")
  images, contents = _hashes(fields["images"]), _hashes(fields.get("contents", []))
  _require(bool(images), "it names no images")
  _require(not contents or len(contents) == len(images), "hashes are missing")
  return About(device, images, settings_of(fields["settings"]), tuple(size), bits, tuple(scales), contents, checked)


def _hashes(value: Any) -> tuple[str, ...]:
  fine = isinstance(value, list) and len(value) <= MAX_IMAGES and all(isinstance(x, str) for x in value)
  _require(fine and all(HASH.fullmatch(x) for x in value), "its images are no list of hashes")
  _require(len(set(value)) == len(value), "it names an image twice")
  return tuple(value)


def settings_of(value: Any) -> Settings:
  """Raises ValueError or UserError with the cause."""
  _require(isinstance(value, dict), "its settings are not those of a residual")
  value = {"noise": DEFAULT.noise} | value  # Older files do not say it.
  _require(set(value) == set(Settings._fields), "its settings are not those of a residual")
  kinds = {"wavelet": isinstance(value["wavelet"], str), "zero_mean": isinstance(value["zero_mean"], str)}
  kinds |= {"levels": _is_whole(value["levels"]), "sigma": _is_number(value["sigma"])}
  kinds |= {"whiten": isinstance(value["whiten"], bool), "noise": isinstance(value["noise"], str)}
  wrong = [name for name, fine in kinds.items() if not fine]
  _require(not wrong, f"the setting {', '.join(wrong)} is of another kind")
  settings = Settings(**value)._replace(sigma=float(value["sigma"]))
  require_sane(settings)
  return settings


def require(settings: Settings) -> None:
  """Raises UserError for settings with which no file could be read again."""
  try:
    settings_of(settings._asdict())
  except ValueError as error:
    raise UserError(str(error)) from error


def _is_pair(value: Any) -> bool:
  return isinstance(value, list) and len(value) == 2


def _is_whole(value: Any) -> bool:
  return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
  """Whether it is a finite one; Python's own integers may be too large to become one."""
  try:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
  except OverflowError:
    return False


def _require(fine: bool, cause: str) -> None:
  if not fine:
    raise ValueError(cause)
