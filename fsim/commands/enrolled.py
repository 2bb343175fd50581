"""A user's own known cameras, enrolled before photographs are judged: `fsim identify --cameras`.

Shapes: h w pixels, r q rows and columns of patches.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from fsim.boundary import console
from fsim.boundary.text import shown
from fsim.commands import enrolled_facts, gathering, verdicts
from fsim.commands.gathering import Source
from fsim.commands.verdicts import Judge
from fsim.data import patches
from fsim.data.photographs import Photograph
from fsim.systems import enrolment
from fsim.systems.enrolment import SILENT, Enrolment


class Enrolled(NamedTuple):
  """What names photographs, the facts about the enrolment, and whether all that was given to enrol is in it."""

  judge: Judge
  facts: dict[str, Any]
  is_whole: bool


def enrol(run: Path | None, folder: Path, expression: str | None) -> Enrolled:
  """Raises UserError for a run without features, and for cameras that cannot be enrolled or told apart."""
  seen = gathering.source(run)
  gathered = gathering.gather(folder, expression, seen)
  for path, cause in gathered.left_out:
    console.note(f"{shown(path)}: not enrolled, {shown(cause)}")
  known = gathering.known_of(gathered.enrolled)
  made = enrolment.enrol(known)
  whose = {one.content: one.camera for one in gathered.enrolled}

  def judge(photograph: Photograph) -> tuple[dict[str, Any], str]:
    if photograph.content in whose:
      camera = whose[photograph.content]
      said = f"{SILENT}: it is one of the photographs by which {camera} is enrolled"
      return {"answer": SILENT, "enrolled_as": camera}, said
    verdict = enrolment.name(made, gathering.features_of(photograph.pixels, seen))
    return verdict._asdict(), verdicts.sentence(verdict)

  names, told = [enrolment.answer(made, c) for c in range(len(known.names))], "the cameras that are enrolled"
  is_whole = not gathered.lost and not gathered.refused
  naming = Judge(judge, lambda image: blocks(made, image, seen), names, seen.choice, told)
  return Enrolled(naming, seen.field | enrolled_facts.facts(gathered, known, made), is_whole)


def blocks(made: Enrolment, image: UInt8[np.ndarray, "h w 3"], seen: Source) -> Int[np.ndarray, "r q"]:
  """The place of the camera of every patch of the grid alone; -1 where the patch is unusable."""
  return patches.over_grid(image, seen.choice, lambda pixels: enrolment.places(made, seen.embed(pixels)))
