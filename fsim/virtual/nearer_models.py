"""Models drawn nearer to real cameras: each step took something from a classifier (benchmarks/virtual_gap.py)."""

from dataclasses import asdict, replace
from functools import cache

import numpy as np

from fsim.virtual.camera import Model
from fsim.virtual.jpeg_encoder import Encoder, StandardEncoder
from fsim.virtual.many_models import roam
from fsim.virtual.pipeline import QuietPipeline
from fsim.virtual.random_models import between, log_uniform
from fsim.virtual.seeds import generator

MAKERS = tuple(f"House{number}" for number in range(65))
SIBLINGS = ("1", "2", "3", "4")
OWN_TABLES = 0.15  # Share of the brands that do not scale the standard's tables.
SUBSAMPLINGS = {"4:2:0": 0.6, "4:2:2": 0.4}  # Shares of the brands.


def approach(make: str, name: str) -> Model:
  """A model as `many_models.roam` draws it, with a real camera's files, colours and sharpness, fixed by the two names.

  Colours of a brand, its demosaicing and its tone curve stay as they are drawn there.
  """
  model = roam(make, name)
  brand, own = generator(0, "brand of the nearer", make), generator(0, "one of the nearer", make, name)
  lens = replace(model.lens, blur=between(own, 0.45, 0.85))
  return replace(model, lens=lens, pipeline=_pipeline(model, own), encoder=_encoder(model, brand, own))


def _pipeline(model: Model, own: np.random.Generator) -> QuietPipeline:
  drawn = replace(
    model.pipeline, quiet=between(own, 0.0, 1.2), amount=between(own, 0.5, 2.0), radius=between(own, 0.5, 1.1)
  )
  return QuietPipeline(**asdict(drawn), colour_quiet=between(own, 1.0, 6.0))


def _encoder(model: Model, brand: np.random.Generator, own: np.random.Generator) -> Encoder | StandardEncoder:
  keeps_its_own = brand.random() < OWN_TABLES
  subsampling = str(brand.choice(list(SUBSAMPLINGS), p=list(SUBSAMPLINGS.values())))
  if keeps_its_own:
    return replace(model.encoder, colour=between(own, 1.5, 3.0), subsampling=subsampling)
  return StandardEncoder(log_uniform(own, 0.04, 0.2), subsampling)


@cache
def nearer() -> tuple[Model, ...]:
  return tuple(approach(make, name) for make in MAKERS for name in SIBLINGS)
