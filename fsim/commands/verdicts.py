"""What `fsim identify` says of a photograph, whoever its cameras were learned by: words, and the map of its blocks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from fsim.boundary import console
from fsim.boundary.outputs import Folder
from fsim.data.patches import Choice
from fsim.data.photographs import Photograph
from fsim.report import classification_figures
from fsim.systems import enrolment
from fsim.systems.patch import fitted
from fsim.systems.patch.fitted import MIN_PATCHES, NONE, SILENT


class Judge(NamedTuple):
  """What names photographs.

  Attributes:
    judge: what is said of a photograph, as plain values and in words.
    blocks: places among the names, of every patch of the grid alone; -1 where it is unusable.
    known: what the names are, in words.
  """

  judge: Callable[[Photograph], tuple[dict[str, Any], str]]
  blocks: Callable[[UInt8[np.ndarray, "h w 3"]], Int[np.ndarray, "r q"]]
  names: list[str]
  choice: Choice
  known: str


def of_run(run: Path) -> Judge:
  """The camera models that a run has learned. Raises UserError for what is no finished run of the system patch."""
  known = fitted.of_run(run)

  def judge(photograph: Photograph) -> tuple[dict[str, Any], str]:
    verdict = fitted.name(known, photograph.pixels)
    return verdict._asdict(), sentence(verdict)

  told = "the models that the run has learned"
  return Judge(judge, lambda image: fitted.blocks(known, image), known.svms.classes, known.choice, told)


def sentence(verdict: fitted.Verdict | enrolment.Verdict) -> str:
  """For people: the answer, the votes behind it, and how sure it is not."""
  if verdict.answer == SILENT:
    return f"{SILENT}: {verdict.patches} usable patches, and at least {MIN_PATCHES} are needed"
  first, *others = [f"{model} {count}" for model, count in verdict.votes.items()]
  cast = f"{first} of {verdict.patches} votes" + (f", then {', '.join(others[:2])}" if others else "")
  side = "below" if verdict.answer == NONE else "not below"
  score = f"score {verdict.score:.3g} {side} the threshold {verdict.threshold:.3g}"
  return f"{verdict.answer} ({cast}; margin {verdict.margin:.2f}; {score})"


def place_of_map(target: Path) -> Folder:
  """The folder of a map, in which the picture and its table (same name, .json) may be written; UserError if not."""
  folder = Folder(target.parent)
  folder.claim(target.name, target.with_suffix(".json").name)
  return folder


def write_map(folder: Folder, name: str, file: Path, image: UInt8[np.ndarray, "h w 3"], judge: Judge) -> None:
  """The picture, and the name for every block, null where there is no statement."""
  blocks = judge.blocks(image)
  named = [[judge.names[k] if k >= 0 else None for k in row] for row in blocks.tolist()]
  facts = {"file": str(file), "size": judge.choice.size, "stride": judge.choice.stride, "blocks": named}
  folder.write(name, classification_figures.blocks(image, blocks, judge.names, judge.choice, judge.known))
  folder.write(Path(name).with_suffix(".json").name, console.to_json(facts).encode())
