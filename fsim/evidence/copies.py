"""Copies among photographs of known devices: asked about, one would make a device's scores those of a picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.photographs import Photograph
from fsim.evidence.selecting import Labelled
from fsim.prnu.leaving import COPY
from fsim.prnu.pictures import Gallery


class Copies:
  """Of the photographs that were read so far. first: those that are no copies, by what their pixels hold."""

  def __init__(self) -> None:
    self.first: dict[str, Labelled] = {}
    self.references: dict[str, Gallery] = {}

  def of(self, photograph: Photograph, label: Labelled) -> str:
    """Which other file of its device this is a copy of, pixel by pixel; else nothing.

    Raises UserError for a picture of two devices.
    """
    return self.known(photograph.content, label)

  def known(self, content: str, label: Labelled) -> str:
    """As `of`, from what the pixels hold."""
    other = self.first.setdefault(content, label)
    if other.device != label.device:
      both = f"the same picture as {shown(other.path)}, and their cameras are {other.device} and {label.device}"
      raise UserError(f"{shown(label.path)}: {shown(both)}")
    return "" if other.path == label.path else f"{COPY} {other.path}"

  def add(self, label: Labelled, pixels: UInt8[np.ndarray, "h w 3"]) -> None:
    """A reference."""
    self.references.setdefault(label.device, Gallery()).add(str(label.path), pixels)

  def of_reference(self, label: Labelled, pixels: UInt8[np.ndarray, "h w 3"]) -> str:
    """Which reference of its device shows the same, be it saved again or changed; else nothing."""
    gallery = self.references.get(label.device)
    same = gallery.objection(str(label.path), pixels, keep=False) if gallery else ""
    return f"{COPY} a reference: {same}" if same else ""


def lost(left_out: Sequence[tuple[Path, str]]) -> bool:
  """Whether any of these photographs would have been asked about or a reference; a copy would not."""
  return any(not cause.startswith(COPY) for _, cause in left_out)
