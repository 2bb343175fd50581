"""What a photograph can show at best: the features from which its signal-to-noise ratio is predicted.

After the correlation predictor of Chen, Fridrich, Goljan & Lukas 2008 (its intensity and texture features). Here
texture is what the noise filter leaves, and the size and the compression of the file enter too.

Shapes: b images, h w pixels, f features, n photographs.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from fsim.data.quantisation import Compression
from fsim.prnu import AnyArray
from fsim.prnu.fingerprints import VARIANCE_FLOOR
from fsim.prnu.probe import DARK, Filtered
from fsim.prnu.residuals import Settings, exposed, grey, local_power

NAMES = ("information", "deviation", "texture", "intensity", "saturated", "dark", "step")


class Quality(NamedTuple):
  """Of one photograph; each of the features but `pixels` is one of NAMES.

  Attributes:
    pixels: how many.
    information: log of the root mean square of intensity over the residual's local deviation, saturated pixels counted
      as nothing: the signal-to-noise ratio of a pixel, but for the sensor's own strength.
    deviation: log of the residual's standard deviation, in grey levels.
    texture: log of the mean share of the noise filter's input that passes where neighbouring pixels differ as they do.
    intensity: mean over unsaturated pixels, 0..1. saturated, dark: shares of the pixels.
    step: log of the JPEG's mean luma step; of pixels without a file that of the best one. Bits a pixel are no measure:
      they are of the scene, and a flat field, which shows most, needs hardly any.
  """

  pixels: int
  information: float
  deviation: float
  texture: float
  intensity: float
  saturated: float
  dark: float
  step: float

  def features(self) -> Float[np.ndarray, " f"]:
    return np.array([getattr(self, name) for name in NAMES])


WHOLE = (1, 2)  # Axes of an image in a batch.
UNCOMPRESSED = Compression(1.0, 12.0)  # The finest table, and about what a file with it takes.


def measured(found: Filtered, compression: Compression | None) -> Quality:
  """Of one image."""
  return of(found.images.shape[1:], jax.device_get(measures(found))[0], compression)


def of(shape: tuple[int, ...], own: Float[np.ndarray, "6"], compression: Compression | None) -> Quality:
  """From the `measures` of one image of this shape."""
  information, deviation, texture, *rest = (float(x) for x in own)
  step = (compression or UNCOMPRESSED).step
  return Quality(shape[0] * shape[1], _log(information) / 2, _log(deviation), _log(texture), *rest, _log(step))


def _log(value: float) -> float:
  return math.log(max(value, 1e-6))


def measures(found: Filtered) -> Float[AnyArray, "b 6"]:
  """The information squared and without its log, deviation and texture likewise, intensity, saturated and dark."""
  return _measures(*found)


@functools.partial(jax.jit, static_argnums=2)
def _measures(
  images: UInt8[AnyArray, "b h w 3"], residual: Float[AnyArray, "b h w"], settings: Settings
) -> Float[AnyArray, "b 6"]:
  light, clear = grey(images), exposed(images)
  information = clear * light**2 / (local_power(residual) + VARIANCE_FLOOR)
  intensity = (light * clear).sum(WHOLE) / jnp.maximum(clear.sum(WHOLE), 1) / 255
  steps = jnp.pad(light[..., 1:] - light[..., :-1], [(0, 0), (0, 0), (0, 1)])
  variance = settings.sigma**2
  texture = variance / (variance + local_power(steps))
  means = [x.mean(WHOLE) for x in (information, texture, clear, light < DARK)]
  return jnp.stack([means[0], residual.std(WHOLE), means[1], intensity, 1 - means[2], means[3]], 1)
