"""Images that a caller hands over in Python, one or many: arrays of pixels, paths of JPEG files, or what was read.

Shapes: h w pixels.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from fsim.boundary import inputs
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.data import photographs
from fsim.data.photographs import Photograph


class Hashed(NamedTuple):
  """The path of a JPEG file that must have this SHA-256; another file in its place is no image."""

  path: Path
  sha256: str

  def __fspath__(self) -> str:
    return str(self.path)


# One: uint8 of shape (h, w, 3), R, G, B, or a path, or a photograph that was read.
Image = np.ndarray | str | os.PathLike[str] | Photograph
Images = np.ndarray | Iterable[Image]  # Many: uint8 of shape (b, h, w, 3), or any of the above one after the other.


def is_one(images: Image | Images) -> bool:
  """Whether this is an image, not several."""
  is_file = isinstance(images, str | os.PathLike | Photograph)
  return is_file or (isinstance(images, np.ndarray) and images.ndim == 3)


def read(image: Image, number: int = 0) -> Photograph:
  """Never raises for what a file holds: `problem` says it. Raises UserError for an array that is no image.

  number: of an array among others, by which it is named "image 0".
  """
  if isinstance(image, Photograph):
    return image
  if isinstance(image, str | os.PathLike):
    sha256 = image.sha256 if isinstance(image, Hashed) else ""
    return photographs.read(inputs.expanded(os.fspath(image)), sha256)
  name = f"image {number}"
  if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
    got = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
    raise UserError(f"{name}: an image is a path, or an array of uint8 of shape (height, width, 3); this is {got}")
  content = photographs.content_of(image)
  return Photograph(Path(name), content, content, image, b"", "")


def read_all(images: Image | Images) -> Iterator[Photograph]:
  """Of one image or many, in order, one in memory at a time."""
  for number, image in enumerate([images] if is_one(images) else images):
    yield read(image, number)


def pixels(image: Image, number: int = 0) -> UInt8[np.ndarray, "h w 3"]:
  """Raises Unreadable for a file that cannot be used, UserError for an array that is no image."""
  found = read(image, number)
  if found.pixels is None:
    raise Unreadable(found.path, found.problem)
  return found.pixels
