"""The fingerprint of a sensor: estimated from images one by one, merged, kept as a file.

Shapes: h w pixels.
"""

import functools
import json
import os
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from fsim.boundary.errors import UserError
from fsim.prnu import Numbers
from fsim.prnu.residual import Settings, clean, exposed, grey, local_power, noise

FLOOR = 0.3  # Added to the variance of the residual, in squared grey levels, so that no flat spot outweighs the rest.
FORMAT = 1  # Of the files.


class Sums(NamedTuple):
  """What grows with every image: the numerator and the denominator of the estimate. Two halves add up to the whole."""

  above: Float[Numbers, "h w"]
  below: Float[Numbers, "h w"]

  def __add__(self, other: "Sums") -> "Sums":
    return Sums(self.above + other.above, self.below + other.below)


class Fingerprint(NamedTuple):
  """A sensor's multiplicative noise with how sure each pixel is, and what it was made of.

  Attributes:
    estimate: sum(W I / v) / sum(I^2 / v), not yet cleaned.
    weight: sum(I^2 / v), by which two fingerprints are merged.
    device: its name.
    images: SHA-256 of the files it is made of.
    settings: of the residuals W.
  """

  estimate: Float[np.ndarray, "h w"]
  weight: Float[np.ndarray, "h w"]
  device: str
  images: tuple[str, ...]
  settings: Settings

  def pattern(self) -> Float[np.ndarray, "h w"]:
    """What is matched: the estimate without what cameras of one model share."""
    return np.asarray(_cleaned(self.estimate, self.settings))


def nothing(size: tuple[int, int]) -> Sums:
  return Sums(jnp.zeros(size), jnp.zeros(size))


@functools.partial(jax.jit, static_argnames="settings")
def add(sums: Sums, image: UInt8[Numbers, "h w 3"], settings: Settings) -> Sums:
  """Maximum likelihood of a pattern K in residuals W = I K + noise (Chen et al. 2008, equation 6).

  Their noise has one variance for all pixels; here it is what is seen around each pixel of the residual, so that
  texture, where the filter leaves content, counts less. Saturated pixels do not count.
  """
  residual = noise(image[None], settings)[0]
  precision = exposed(image) / (local_power(residual) + FLOOR)
  light = grey(image)
  return sums + Sums(residual * light * precision, light**2 * precision)


def estimate(sums: Sums, device: str, images: tuple[str, ...], settings: Settings) -> Fingerprint:
  """Raises UserError without images."""
  if not images:
    raise UserError(f"no image is left for the fingerprint of {device}")
  above, below = (np.asarray(x) for x in sums)
  return Fingerprint(above / np.maximum(below, 1e-6), below, device, images, settings)


def merge(a: Fingerprint, b: Fingerprint) -> Fingerprint:
  """The fingerprint of all images of both. Raises UserError if sizes or settings differ or an image is in both."""
  if a.estimate.shape != b.estimate.shape or a.settings != b.settings:
    raise UserError(f"fingerprints of {a.device} and {b.device} differ in size or settings and cannot be merged")
  twice = set(a.images) & set(b.images)
  if twice:
    raise UserError(f"{len(twice)} images are in both fingerprints, of {a.device} and {b.device}")
  sums = sums_of(a) + sums_of(b)
  return estimate(sums, a.device, a.images + b.images, a.settings)


def sums_of(fingerprint: Fingerprint) -> Sums:
  weight = jnp.asarray(fingerprint.weight)
  return Sums(jnp.asarray(fingerprint.estimate) * weight, weight)


def save(path: Path, fingerprint: Fingerprint, bits: int = 16) -> None:
  """Writes the file in one go: with 16 bits a number for use, with 32 to go on adding without loss."""
  kind = {16: np.float16, 32: np.float32}[bits]
  # Scales of their own, or small estimates and large weights would leave the range of float16.
  scales = [max(float(np.abs(x).max()), 1e-12) for x in (fingerprint.estimate, fingerprint.weight)]
  about = {
    "format": FORMAT,
    "device": fingerprint.device,
    "images": fingerprint.images,
    "settings": fingerprint.settings._asdict(),
    "size": fingerprint.estimate.shape,
    "bits": bits,
    "scales": scales,
  }
  draft = path.with_name(path.name + ".draft")
  with draft.open("wb") as file:
    np.savez(
      file,
      estimate=(fingerprint.estimate / scales[0]).astype(kind),
      weight=(fingerprint.weight / scales[1]).astype(kind),
      about=json.dumps(about),
    )
  os.replace(draft, path)


def load(path: Path) -> Fingerprint:
  """Raises UserError naming the file if it is not a fingerprint."""
  try:
    with np.load(path, allow_pickle=False) as file:
      about = json.loads(str(file["about"]))
      arrays = [
        file[name].astype(np.float32) * s for name, s in zip(("estimate", "weight"), about["scales"], strict=True)
      ]
  except (OSError, ValueError, KeyError, EOFError) as error:
    raise UserError(f"{path}: not a fingerprint ({error})") from error
  if about["format"] != FORMAT:
    raise UserError(f"{path}: a fingerprint of format {about['format']}, this version reads {FORMAT}")
  return Fingerprint(*arrays, about["device"], tuple(about["images"]), Settings(**about["settings"]))


@functools.partial(jax.jit, static_argnames="settings")
def _cleaned(estimate: Float[Numbers, "h w"], settings: Settings) -> Float[Numbers, "h w"]:
  return clean(estimate[None], settings)[0]
