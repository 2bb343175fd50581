"""Sensor noise as a network sees it: evidence of the pattern in a photograph, in place of residual and intensity.

Shapes: b images, h w pixels.
"""

import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from fsim.models import saved
from fsim.models.noise_net import SHARE as SHARE
from fsim.models.noise_net import Evidence, NoiseNet
from fsim.prnu import AnyArray
from fsim.prnu.probe import PRIOR, Filtered, without_grid
from fsim.prnu.residuals import clean, local_power
from fsim.prnu.settings import DEFAULT

WEIGHTS = Path(__file__).parent.parent / "weights" / "noise"  # docs/weights.md.
FILE = "noise_net.npz"  # Written by fsim.systems.noise.train.
NET = NoiseNet()
VARIANCE_FLOOR = 0.3  # Added to the variance of the residual, in squared grey levels, when the network was trained.
STRIP = 1024  # Rows that the network is shown at a time: it takes a kilobyte a pixel.
HALO = 24  # Rows beyond which no pixel of the network's answer depends on what it was shown.


@functools.cache
def shipped() -> dict[str, Any]:
  """The weights that come with fsim."""
  return of_folder(WEIGHTS)


def of_folder(folder: Path) -> dict[str, Any]:
  return load(folder / FILE)


def load(path: Path) -> dict[str, Any]:
  """Weights of NET. Raises Unreadable for a file that has none."""
  pixels = jnp.zeros((1, 64, 64, 3), jnp.uint8)
  return saved.load(path, NET, pixels, *jnp.ones((2, 1, 64, 64)))


def evidence(
  images: UInt8[AnyArray, "b h w 3"], residual: Float[AnyArray, "b h w"], weights: dict[str, Any] | None = None
) -> Evidence:
  """By the weights that are shipped unless others are given; in strips, the same as of the whole.

  residual: as of `of_residual`, by the settings LEARNED.
  """
  weights, height = shipped() if weights is None else weights, images.shape[1]
  rows = STRIP + height % 2  # A strip begins at an even row, as the network's 2x2 pixels do.
  if height <= rows:
    return of_residual(images, residual, NET, weights)
  starts = [*range(0, height - rows, STRIP - 2 * HALO), height - rows]
  ends = [0, *(start + HALO for start in starts[1:]), height]
  strips = []
  for start, first, last in zip(starts, ends[:-1], ends[1:], strict=True):
    seen = of_residual(images[:, start : start + rows], residual[:, start : start + rows], NET, weights)
    strips.append([np.asarray(part)[:, first - start : last - start] for part in seen])
  return Evidence(*(jnp.concatenate(parts, 1) for parts in zip(*strips, strict=True)))


def pattern(found: Filtered) -> Float[AnyArray, "b h w"]:
  """`posterior` of images that were filtered by the settings LEARNED."""
  return posterior(evidence(found.images, found.noise))


@jax.jit
def posterior(found: Evidence) -> Float[AnyArray, "b h w"]:
  """The pattern's mean after one photograph, without rows and columns and the JPEG grid that cameras share.

  The product of two is to first order the logarithm of the likelihood ratio of one sensor against two.
  """
  return without_grid(clean(found.information / (found.precision + PRIOR**-2), DEFAULT._replace(whiten=False)))


@functools.partial(jax.jit, static_argnames="net")
def of_residual(
  images: UInt8[AnyArray, "b h w 3"], residual: Float[AnyArray, "b h w"], net: NoiseNet, weights: Any
) -> Evidence:
  """residual: of the wavelet filter, not cleaned."""
  return net.apply(weights, images, residual, local_power(residual) + VARIANCE_FLOOR)
