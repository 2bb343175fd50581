"""Models by the hundred: what is learned from them should tell camera models apart, and not certain ones.

A network that is to compare cameras it has not seen needs many that it has (of the 65 real ones of Mayer & Stamm 2018,
40 taught the features). Those here are drawn in two ways: as the fleet's are, and more widely.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np

from fsim.virtual.camera import Model
from fsim.virtual.demosaic import METHODS
from fsim.virtual.jpeg_encoder import SUBSAMPLINGS
from fsim.virtual.random_models import FAMILIES, STRANGERS, between, invent, log_uniform
from fsim.virtual.reference_models import MILD, STRONG
from fsim.virtual.seeds import generator

# Brands of one to four models, drawn as the fleet's are.
FURTHER = {
  "Alder": ("P1", "P2", "P6"),
  "Bexley": ("200", "350", "600", "1D"),
  "Cobalt": ("Q3",),
  "Delmar": ("S10", "S20"),
  "Estrel": ("V4", "V5", "V9"),
  "Fathom": ("T1",),
  "Gantry": ("K30", "K100"),
  "Harrow": ("E2", "E7", "E12"),
  "Indigo": ("L5",),
  "Juniper": ("R1", "R2", "R4", "R8"),
  "Kelvin": ("C70",),
  "Lumen": ("A2", "A9"),
  "Mistral": ("N5", "N7", "N9"),
  "Nimbus": ("H3",),
  "Opaline": ("X10", "X20"),
  "Quarto": ("W5", "W8", "W90"),
  "Tessel": ("M1",),
}
# Makers of three models each, which are drawn more widely.
WIDER = tuple(f"Maker{number}" for number in range(65))
SIBLINGS = ("1", "2", "3")
OWN_WAY = 0.3  # Share of the models that leave their brand's way.


def roam(make: str, name: str) -> Model:
  """A model whose processing is drawn from wider and continuous ranges than the fleet's, fixed by the two names.

  Siblings of a brand keep its tone curve and the shape of its JPEG tables; how much noise is taken away, how much is
  sharpened and with which radius, blur of the lens and size of the file are a model's own.
  """
  model, brand, own = invent(make, name), generator(0, "brand of many", make), generator(0, "one of many", make, name)
  share = between(brand, 0.0, 1.0)
  pipeline = replace(
    model.pipeline,
    method=_choice(brand, own, METHODS),
    matrix=tuple(
      tuple(round(m + share * (s - m), 6) for m, s in zip(mild, strong, strict=True))
      for mild, strong in zip(MILD, STRONG, strict=True)
    ),
    quiet=0.0 if own.random() < 0.2 else between(own, 0.2, 2.2),
    smooth=model.pipeline.smooth * between(own, 0.8, 1.25),
    amount=0.0 if own.random() < 0.15 else between(own, 0.2, 2.2),
    radius=model.pipeline.radius * between(own, 0.85, 1.2),
    size=1.0 if own.random() < 0.6 else log_uniform(own, 0.7, 1.35),
  )
  encoder = replace(model.encoder, subsampling=_choice(brand, own, SUBSAMPLINGS))
  lens = replace(model.lens, blur=between(own, 0.5, 1.3))
  return replace(model, lens=lens, pipeline=pipeline, encoder=encoder)


def _choice(brand: np.random.Generator, own: np.random.Generator, ways: Iterable[str]) -> str:
  usual, other = (str(rng.choice(list(ways))) for rng in (brand, own))
  return other if own.random() < OWN_WAY else usual


@cache
def alike() -> tuple[Model, ...]:
  """As many as Mayer & Stamm 2018 divide into 40, 20 and 5; two devices of each are built."""
  return (*FAMILIES, *STRANGERS, *(invent(make, name) for make, names in FURTHER.items() for name in names))


@cache
def wide() -> tuple[Model, ...]:
  """Four times as many together with those."""
  return tuple(roam(make, name) for make in WIDER for name in SIBLINGS)
