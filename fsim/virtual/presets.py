"""Collections of virtual cameras."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from fsim.virtual.adaptive_models import adaptive
from fsim.virtual.camera import Model
from fsim.virtual.many_models import alike, wide
from fsim.virtual.nearer_models import nearer
from fsim.virtual.random_models import DRESDEN, FAMILIES, PHONES, STRANGERS
from fsim.virtual.reference_models import SIX


@dataclass(frozen=True)
class Preset:
  """A collection to be photographed.

  Attributes:
    models: the camera models.
    devices: number of devices of each.
    scenes: number of scenes, two motives a position; every device photographs all of them.
    repeats: natural shots a device takes of each scene.
    studied: number of scenes of the JPEG study, each at three settings.
    flat_fields: evenly lit frames a device.
    darks: frames a device with the lid on.
    zoomed: share of the shots with digital zoom.
    side: pixels of the files' longer side.
    seed: fixes everything.
  """

  models: tuple[Model, ...]
  devices: tuple[int, ...]
  scenes: int
  repeats: int
  studied: int
  flat_fields: int
  darks: int
  zoomed: float
  side: int
  seed: int


class Presets(Mapping[str, Preset]):
  """By name; each is drawn when it is first asked for, since hundreds of models take a while."""

  def __init__(self, draw: Mapping[str, Callable[[], Preset]]):
    self._draw, self._drawn = draw, {}

  def __getitem__(self, name: str) -> Preset:
    if name not in self._drawn:
      self._drawn[name] = self._draw[name]()
    return self._drawn[name]

  def __contains__(self, name: object) -> bool:
    return name in self._draw

  def __iter__(self) -> Iterator[str]:
    return iter(self._draw)

  def __len__(self) -> int:
    return len(self._draw)


NATURAL_ONCE = {"repeats": 1, "studied": 0, "flat_fields": 0, "darks": 0, "zoomed": 0.0}  # A scene, one photograph.

DRAW = {
  "virtual/tiny": lambda: Preset(
    models=SIX[:2],
    devices=(2, 2),
    scenes=6,
    repeats=1,
    studied=0,
    flat_fields=2,
    darks=0,
    zoomed=0.0,
    side=128,
    seed=1,
  ),
  "virtual/default": lambda: Preset(
    models=SIX,
    devices=(2,) * 6,
    scenes=40,
    repeats=1,
    studied=0,
    flat_fields=10,
    darks=0,
    zoomed=0.0,
    side=512,
    seed=1,
  ),
  # The 18 models that Bondi et al. 2017 learn, two devices each, and ten more of one device that are never learned.
  "virtual/models": lambda: Preset(
    models=FAMILIES + STRANGERS,
    devices=(2,) * len(FAMILIES) + (1,) * len(STRANGERS),
    scenes=40,
    **NATURAL_ONCE,
    side=768,
    seed=1,
  ),
  # The same at the smallest size that still has models to learn, models to meet later, and scenes to keep apart.
  "virtual/few": lambda: Preset(
    models=SIX[:5],
    devices=(2, 2, 1, 1, 1),
    scenes=10,
    **NATURAL_ONCE,
    side=256,
    seed=1,
  ),
  # Models to learn, to compare and never to see: four times the 65 of Mayer & Stamm 2018.
  "virtual/similarity": lambda: Preset(
    models=alike() + wide(),
    devices=(2,) * len(alike()) + (1,) * len(wide()),
    scenes=40,
    **NATURAL_ONCE,
    side=768,
    seed=2,
  ),
  # As many models, drawn so that a classifier finds it harder to tell them from real ones.
  "virtual/nearer": lambda: Preset(
    models=nearer(),
    devices=(1,) * len(nearer()),
    scenes=40,
    **NATURAL_ONCE,
    side=768,
    seed=3,
  ),
  # Phones whose processing follows the scene, to be learned beside virtual/similarity.
  "virtual/adaptive": lambda: Preset(
    models=adaptive(),
    devices=(1,) * len(adaptive()),
    scenes=40,
    **NATURAL_ONCE,
    side=768,
    seed=4,
  ),
  # Those of virtual/similarity with eight models, small.
  "virtual/several": lambda: Preset(
    models=SIX + alike()[:2],
    devices=(1,) * 8,
    scenes=8,
    **NATURAL_ONCE,
    side=256,
    seed=2,
  ),
  # Models, devices, scenes and the order of magnitude of images of the Dresden Image Database (Gloe & Boehme 2010).
  "virtual/dresden": lambda: Preset(
    models=tuple(model for model, _ in DRESDEN),
    devices=tuple(count for _, count in DRESDEN),
    scenes=83,
    repeats=3,
    studied=8,
    flat_fields=20,
    darks=3,
    zoomed=0.03,
    side=1024,
    seed=1,
  ),
  # Three phones with five cameras, as in MICHE-I (De Marsico et al. 2015).
  "virtual/phones": lambda: Preset(
    models=PHONES,
    devices=(1,) * len(PHONES),
    scenes=60,
    repeats=2,
    studied=0,
    flat_fields=10,
    darks=0,
    zoomed=0.05,
    side=1024,
    seed=1,
  ),
  # The same five cameras at the smallest size that can be divided into three folds.
  "virtual/few_phones": lambda: Preset(
    models=PHONES,
    devices=(1,) * len(PHONES),
    scenes=6,
    **NATURAL_ONCE,
    side=128,
    seed=1,
  ),
}

PRESETS = Presets(DRAW)
