"""Who answers a question about camera models: a run that is named, or the weights that came with fsim."""

from pathlib import Path
from typing import Any, NamedTuple

from fsim import weights
from fsim.boundary import console
from fsim.systems.model import fitted
from fsim.systems.model.fitted import FittedSimilarity


class Answering(NamedTuple):
  """fitted: answers. field: which weights those are, for the answer in JSON; empty for a run that was named."""

  fitted: FittedSimilarity
  field: dict[str, Any]


def similarity(run: Path | None) -> Answering:
  """Raises UserError for what is no finished run of the system model, and for weights that are damaged."""
  if run is not None:
    return Answering(fitted.of_run(run), {})
  folder, description = weights.default("model")
  console.note(f"without --run, the weights that came with fsim answer: {description}")
  return Answering(fitted.load(folder), {"weights": description._asdict()})
