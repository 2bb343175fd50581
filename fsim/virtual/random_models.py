"""Camera models drawn at random within the range of real ones: as many as Dresden has, and the cameras of three phones.

Siblings of a brand share colours, JPEG tables and processing, and differ less than brands do.
"""

from dataclasses import replace

import numpy as np

from fsim.virtual.camera import Model
from fsim.virtual.demosaic import METHODS
from fsim.virtual.jpeg_encoder import SUBSAMPLINGS, Encoder
from fsim.virtual.lens import Lens
from fsim.virtual.pipeline import Pipeline
from fsim.virtual.reference_models import MILD, SIX, STRONG
from fsim.virtual.seeds import generator
from fsim.virtual.sensor import Sensor

# Fictitious brands and models with the numbers of devices that Dresden's 27 models have (Gloe & Boehme 2010, table 1).
DEVICES = {
  "Ardent": {"C4": 1, "C33": 1, "C80": 1, "S505": 1, "S530": 1},
  "Calyx": {"I5": 1, "I7": 3, "A64": 1},
  "Corvin": {"EZ15": 5},
  "Feldan": {"F50": 3},
  "Kestrel": {"M10": 5},
  "Norvik": {"S71": 5, "D20": 2, "D7": 2, "D7s": 2},
  "Orlo": {"MU5": 5},
  "Pallas": {"FZ5": 3},
  "Perrin": {"A40": 4, "W60": 1},
  "Pragma": {"Z59": 5},
  "Rivage": {"GX1": 5},
  "Rondel": {"R73": 3},
  "Sable": {"L74": 3, "N15": 3},
  "Soren": {"H50": 2, "T77": 4, "W17": 2},
}
TWINS = {("Norvik", "D7s"): "D7"}  # A model that is a revision of another one: only its JPEG tables differ.


def invent(make: str, name: str) -> Model:
  """A model of a brand, fixed by the two names."""
  brand, own = generator(0, "brand", make), generator(0, "model", make, name)
  return Model(make, name, _lens(own), _sensor(own), _pipeline(brand, own), _encoder(brand, own), _aspect(own), False)


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
  return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))), 6)


def between(rng: np.random.Generator, low: float, high: float) -> float:
  return round(float(rng.uniform(low, high)), 6)


def _aspect(rng: np.random.Generator) -> float:
  return (4 / 3, 3 / 2)[rng.random() < 0.25]


def _lens(rng: np.random.Generator) -> Lens:
  return Lens(
    blur=between(rng, 0.55, 0.85),
    vignetting=between(rng, 0.10, 0.35),
    aberration=(between(rng, -6e-4, 6e-4), between(rng, -6e-4, 6e-4)),
    distortion=between(rng, -0.012, 0.008),
    flare=between(rng, 0.005, 0.02),
  )


def _sensor(rng: np.random.Generator) -> Sensor:
  bits = int(rng.choice([10, 12, 14]))
  return Sensor(
    bayer=str(rng.choice(["RGGB", "GRBG", "GBRG", "BGGR"])),
    full_well=log_uniform(rng, 4000.0, 30000.0),
    read_noise=between(rng, 3.0, 12.0),
    bits=bits,
    black=2 ** (bits - 6),
    prnu=log_uniform(rng, 0.0025, 0.005),
    shading=between(rng, 0.001, 0.003),
    dark=between(rng, 3.0, 10.0),
    hot=log_uniform(rng, 2e-5, 3e-4),
    lines=between(rng, 0.5, 2.0),
  )


def _pipeline(brand: np.random.Generator, own: np.random.Generator) -> Pipeline:
  return Pipeline(
    method=str(brand.choice(list(METHODS))),
    response=(between(own, 0.45, 0.60), between(own, 0.55, 0.72)),
    matrix=(MILD, STRONG)[brand.integers(2)],
    contrast=between(brand, 1.05, 1.18),
    mends=True,
    quiet=float(own.choice([0.0, 0.5, 1.0, 2.0])),
    smooth=between(brand, 0.3, 2.4),
    amount=float(own.choice([0.0, 0.4, 0.8, 1.3, 2.0])),
    radius=between(brand, 0.6, 1.6),
    limit=between(brand, 0.08, 0.2),
    size=float(own.choice([1.0, 1.0, 1.0, 1.0, 0.8, 1.25])),
  )


def _encoder(brand: np.random.Generator, own: np.random.Generator) -> Encoder:
  return Encoder(
    step=log_uniform(own, 1.0, 4.0),
    rise=between(brand, 1.5, 7.0),
    bend=between(brand, 1.0, 2.2),
    colour=between(brand, 1.0, 1.8),
    subsampling=str(brand.choice(list(SUBSAMPLINGS))),
  )


def _dresden() -> tuple[tuple[Model, int], ...]:
  fleet = []
  for make, models in DEVICES.items():
    for name, count in models.items():
      model = invent(make, TWINS.get((make, name), name))
      if (make, name) in TWINS:
        model = replace(model, name=name, encoder=replace(model.encoder, step=model.encoder.step * 1.3))
      fleet.append((model, count))
  return tuple(fleet)


DRESDEN = _dresden()
# Eighteen models with siblings to learn (a twin counts as its model) and ten without any, to be met later.
FAMILIES = tuple(model for model, count in DRESDEN if count > 1 and (model.make, model.name) not in TWINS)
STRANGERS = (
  *(model for model, count in DRESDEN if count == 1),
  invent("Vesper", "X3"),
  invent("Vesper", "X7"),
)


def _phone(make: str, name: str, model: Model, full_well: float, aspect: float) -> Model:
  """A phone's camera: the model with small pixels."""
  sensor = replace(model.sensor, full_well=full_well, bits=10, black=16, read_noise=3.0)
  return replace(model, make=make, name=name, sensor=sensor, aspect=aspect)


_, _, CINDRA, DOVANT, ELMIRA, FJORDAL = SIX
PHONES = (
  _phone("Gossamer", "G4-rear", CINDRA, 6000.0, 4 / 3),
  _phone("Gossamer", "G4-front", ELMIRA, 4000.0, 16 / 9),
  _phone("Ilex", "5-rear", DOVANT, 6000.0, 4 / 3),
  replace(_phone("Ilex", "5-front", FJORDAL, 4000.0, 4 / 3), upright=True),
  _phone("Talus", "Tab2-front", invent("Talus", "Tab2-front"), 5000.0, 4 / 3),
)
