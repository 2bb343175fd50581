"""A camera takes a picture: scene -> lens -> sensor -> pipeline -> file, and what varies from shot to shot.

A model has a lens, a sensor, a pipeline and an encoder; a device has its model's settings and its own sensor pattern.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from jaxtyping import Float

from fsim.virtual import jpeg_encoder, lens, pipeline, sensor
from fsim.virtual.seeds import generator

GREY = 0.16  # Share of white at which automatic exposure puts the frame's geometric mean.


@dataclass(frozen=True)
class Model:
  """A camera model.

  Attributes:
    make: brand, without blanks or underscores.
    name: model, likewise.
    lens: its optics.
    sensor: what its devices' sensors have in common.
    pipeline: its processing.
    encoder: its JPEG settings.
    aspect: width of the file over its height in landscape, at least 1.
    upright: whether portrait shots are stored turned (and not only marked in EXIF).
  """

  make: str
  name: str
  lens: lens.Lens
  sensor: sensor.Sensor
  pipeline: pipeline.Pipeline
  encoder: jpeg_encoder.Encoder | jpeg_encoder.StandardEncoder
  aspect: float
  upright: bool


@dataclass(frozen=True)
class Shot:
  """What is particular to one shot, and independent of the camera.

  Attributes:
    view: viewpoint.
    stops: exposure error, in stops.
    iso: amplification relative to base ISO.
    seconds: time of exposure.
    defocus: blur from focus and hand, standard deviation in sensor pixels.
    aperture: 1 full aperture, 0 stopped down.
    look: rendering.
  """

  view: lens.View
  stops: float
  iso: float
  seconds: float
  defocus: float
  aperture: float
  look: pipeline.Look


def draw(rng: np.random.Generator, zoomed: float) -> Shot:
  """A shot of a scene by hand; its spread of brightness and colours hides those of the models.

  A share `zoomed` of the shots uses digital zoom.
  """
  view = lens.View(
    shift=(float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.05, 0.05))),
    rotation=float(rng.normal(0, 0.025)),
    scale=float(rng.uniform(0.85, 1.1)),
    turns=int(rng.choice([0, 1, 3], p=[0.76, 0.12, 0.12])),
  )
  look = pipeline.Look(
    balance=(float(rng.lognormal(0, 0.10)), float(rng.lognormal(0, 0.12))),
    contrast=float(rng.lognormal(0, 0.15)),
    saturation=float(rng.lognormal(0, 0.22)),
    lift=float(rng.normal(0, 0.3)),
    zoom=float(rng.uniform(1.2, 2)) if rng.random() < zoomed else 1.0,
  )
  iso = float(rng.choice([1.0, 2.0, 4.0], p=[0.6, 0.3, 0.1]))
  return Shot(
    view=view,
    stops=float(np.clip(rng.normal(0, 0.45), -1, 1)),
    iso=iso,
    seconds=float(np.exp(rng.uniform(np.log(0.002), np.log(0.2)))),
    defocus=float(0.55 * rng.random() ** 2),
    aperture=float(rng.random()),
    look=look,
  )


def calibrating(shot: Shot, seconds: float) -> Shot:
  """The shot without a scene: base ISO, bright but unsaturated where there is light, the camera level, no zoom."""
  look = replace(shot.look, lift=0.0, zoom=1.0)
  return replace(shot, iso=1.0, stops=1.3, seconds=seconds, view=replace(shot.view, turns=0), look=look)


def size(model: Model, side: int) -> tuple[int, int]:
  """Rows and columns of a model's landscape file whose longer side has `side` pixels, both even as on the sensor."""
  return 2 * round(side / model.aspect / 2), 2 * round(side / 2)


def sensor_size(model: Model, side: int) -> tuple[int, int]:
  """Rows and columns of the sensor behind such a file; both even, as the filters need."""
  height, width = (2 * round(length / model.pipeline.size / 2) for length in size(model, side))
  return height, width


def expected_noise(model: Model, iso: float) -> float:
  """Standard deviation of the raw image at middle grey, as a share of white."""
  capacity = model.sensor.full_well / iso
  return float(np.sqrt(0.18 * capacity + model.sensor.read_noise**2) / capacity)


def filtered(canvas: Float[np.ndarray, "3 n n"], model: Model, shot: Shot, side: int) -> Float[np.ndarray, "h w"]:
  """The scene's light behind lens and colour filters, exposed so that 1 is white."""
  height, width = sensor_size(model, side)
  light = lens.project(canvas, model.lens, shot.view, height, width, shot.defocus, shot.aperture)
  bright = light[1, ::4, ::4]
  exposure = min(GREY / np.exp(np.log(bright + np.float32(1e-4)).mean()), 1 / np.quantile(bright, 0.96)) * 2**shot.stops
  through = np.array([model.pipeline.response[0], 1, model.pipeline.response[1]])[:, None]
  response = np.linalg.inv(np.array(model.pipeline.matrix)) * through * exposure
  return sensor.mosaic(pipeline.mix(light, response.astype(np.float32)), model.sensor.bayer)


def photograph(
  light: Float[np.ndarray, "h w"],
  model: Model,
  own: sensor.Maps,
  shot: Shot,
  label: jpeg_encoder.Label,
  side: int,
  rng: np.random.Generator,
) -> bytes:
  """The JPEG file that a device makes of filtered light.

  Args:
    light: as `filtered` gives it; zeros for a dark frame.
    model: the device's model.
    own: the device's sensor pattern.
    shot: the shot's settings.
    label: what EXIF says; its turns are left out where the model stores portrait shots turned.
    side: longer side of the file.
    rng: noise.
  """
  numbers = sensor.expose(light, model.sensor, own, shot.iso, shot.seconds, rng)
  raw = sensor.linear(numbers, model.sensor, model.pipeline.mends)
  noise = expected_noise(model, shot.iso)
  pixels = pipeline.develop(raw, model.pipeline, shot.look, model.sensor.bayer, noise, shot.iso, size(model, side))
  if model.upright and label.turns:
    pixels = np.ascontiguousarray(np.rot90(pixels, -label.turns))
    label = replace(label, turns=0)
  return jpeg_encoder.encode(pixels, model.encoder, label)


def delivered(gain: Float[np.ndarray, "h w"], model: Model, shot: Shot, side: int) -> Float[np.ndarray, "y x"]:
  """The pixels' relative response minus 1 as it lies in the file of a shot: zoomed, resized and turned as the pixels.

  gain: of the device, see `sensor.Maps`; lens and viewpoint are before the sensor and do not move it.
  """
  found = pipeline.resized(gain.astype(np.float32), size(model, side), shot.look.zoom)
  return np.ascontiguousarray(np.rot90(found, -shot.view.turns)) if model.upright else found


def label(model: Model, instance: int, shot_number: int, turns: int, seed: int) -> jpeg_encoder.Label:
  """EXIF of a device's shot: a serial number of its own, and one shot every few minutes."""
  rng = generator(seed, "label", model.make, model.name, instance)
  serial = f"{rng.integers(10**6, 10**7)}"
  start = datetime(2009, 3, 1) + timedelta(days=int(rng.integers(0, 400)), minutes=int(rng.integers(0, 1440)))
  return jpeg_encoder.Label(model.make, model.name, serial, start + timedelta(minutes=7 * shot_number), turns)
