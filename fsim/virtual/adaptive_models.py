"""Phones whose processing follows what they see, so that two photographs of one model may have little in common.

Exposures are merged (Hasinoff et al. 2016, "Burst photography for high dynamic range and low-light imaging on mobile
cameras", sections 3 and 6), tones are mapped locally, and noise reduction, sharpening and compression change from
shot to shot.
"""

from dataclasses import asdict, dataclass, replace
from functools import cache

import numpy as np

from fsim.virtual.camera import Model
from fsim.virtual.nearer_models import approach
from fsim.virtual.pipeline import LocalPipeline
from fsim.virtual.random_models import between, log_uniform
from fsim.virtual.seeds import generator

MAKERS = tuple(f"Cell{number}" for number in range(40))
SIBLINGS = ("1", "2", "3")


@dataclass(frozen=True)
class Adaptation:
  """How far a model's processing goes with the shot.

  Attributes:
    exposures: that are merged, at most.
    local: local tone mapping, at most; see `pipeline.compress`.
    spread: standard deviation of the logarithm of noise reduction, sharpening and blur of colours.
    pressure: the same of the quantisation steps.
  """

  exposures: int
  local: float
  spread: float
  pressure: float


@dataclass(frozen=True)
class AdaptiveModel(Model):
  """A camera model that follows the scene."""

  adaptation: Adaptation

  def for_shot(self, rng: np.random.Generator) -> Model:
    """The model as it makes one shot; n merged exposures hold n times the charge with sqrt(n) times the read noise."""
    own = self.adaptation
    count = int(rng.integers(1, own.exposures + 1))
    factor = lambda deviation: float(rng.lognormal(0, deviation))  # noqa: E731
    drawn = self.pipeline
    pipeline = LocalPipeline(
      **asdict(drawn)
      | {
        "quiet": drawn.quiet * factor(own.spread),
        "colour_quiet": drawn.colour_quiet * factor(own.spread),
        "smooth": drawn.smooth * factor(own.spread / 2),
        "amount": drawn.amount * factor(own.spread),
      },
      local=own.local * float(rng.random()),
    )
    sensor = replace(
      self.sensor, full_well=self.sensor.full_well * count, read_noise=self.sensor.read_noise * count**0.5
    )
    encoder = replace(self.encoder, step=self.encoder.step * factor(own.pressure))
    return replace(self, sensor=sensor, pipeline=pipeline, encoder=encoder)


def phone(make: str, name: str) -> AdaptiveModel:
  """A model as `nearer_models.approach` draws it, with small pixels and processing that adapts; fixed by the names."""
  model = approach(make, name)
  brand, own = generator(0, "brand of phones", make), generator(0, "one of the phones", make, name)
  adaptation = Adaptation(
    exposures=int(brand.choice([1, 3, 8])),
    local=between(brand, 0.0, 0.5),
    spread=between(own, 0.2, 0.8),
    pressure=between(own, 0.0, 0.3),
  )
  sensor = replace(
    model.sensor, full_well=log_uniform(own, 2000.0, 8000.0), bits=10, black=16, read_noise=between(own, 1.5, 4.0)
  )
  fields = {name: getattr(model, name) for name in Model.__dataclass_fields__}
  changed = {"sensor": sensor, "aspect": (4 / 3, 16 / 9)[own.random() < 0.25], "upright": bool(brand.random() < 0.3)}
  return AdaptiveModel(**fields | changed, adaptation=adaptation)


@cache
def adaptive() -> tuple[AdaptiveModel, ...]:
  return tuple(phone(make, name) for make in MAKERS for name in SIBLINGS)
