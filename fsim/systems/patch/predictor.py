"""What a finished run answers with: the camera model of an image, or that it is none of those it learned.

Bondi et al. 2017. Shapes: h w pixels, r q blocks.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from fsim.data import given
from fsim.data.given import Image
from fsim.systems.patch import fitted
from fsim.systems.patch.fitted import FittedClassifier, Verdict


class ModelPredictor(NamedTuple):
  """The network and SVMs of a run with the functions that use them."""

  fitted: FittedClassifier

  @property
  def classes(self) -> list[str]:
    """The camera models that the run has learned."""
    return self.fitted.svms.classes

  def name(self, image: Image) -> Verdict:
    """By the majority of the votes of its patches (section 3): a model, "none of these" or "no statement".

    Raises UserError for an image that cannot be read, or of which the network makes no finite numbers.
    """
    return fitted.name(self.fitted, given.pixels(image))

  def blocks(self, image: Image) -> Int[np.ndarray, "r q"]:
    """Of every patch of the grid alone, the place of its model in `classes` (figure 5); -1 where it is unusable.

    Raises UserError as `name`.
    """
    return fitted.blocks(self.fitted, given.pixels(image))


def of_run(run: Path) -> ModelPredictor:
  """Raises UserError for everything that is no finished run of the system patch."""
  return ModelPredictor(fitted.of_run(run))
