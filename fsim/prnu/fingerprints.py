"""The fingerprint of a sensor: estimated from images one by one, merged, kept as a file.

Shapes: h w pixels.
"""

import functools
import io
import json
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from fsim.boundary import outputs
from fsim.boundary.arrays import Field, read_npz
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.prnu import AnyArray, about
from fsim.prnu.about import FORMAT
from fsim.prnu.probe import PRIOR, Filtered, filtered
from fsim.prnu.residuals import Settings, clean, exposed, grey, local_power
from fsim.prnu.settings import LEARNED

VARIANCE_FLOOR = 0.3  # Added to the variance of the residual, in squared grey levels: no flat spot outweighs the rest.
FIELDS = {"estimate": Field("f", 2), "weight": Field("f", 2), "about": Field("U", 0)}
LARGEST = (1e6, 1e18)  # Of an estimate and of a weight; their squares and sums are then finite in float32.
LEFT = 1e-4  # Share of an estimate's deviation that cleaning must leave, or it held nothing but rows and columns.


class Sums(NamedTuple):
  """What grows with every image: the numerator and the denominator of the estimate. Two halves add up to the whole."""

  above: Float[AnyArray, "h w"]
  below: Float[AnyArray, "h w"]

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
    contents: SHA-256 of the images' pixels, in the order of `images`; () where it is not known.
    checked: what is known of the images' being of one camera.
  """

  estimate: Float[np.ndarray, "h w"]
  weight: Float[np.ndarray, "h w"]
  device: str
  images: tuple[str, ...]
  settings: Settings
  contents: tuple[str, ...] = ()
  checked: str = ""

  def pattern(self) -> Float[np.ndarray, "h w"]:
    """What is matched: each pixel as far as images show it, without what cameras of one model share.

    Raises UserError if nothing is left.
    """
    found = np.asarray(_cleaned(self.estimate, self.weight, self.settings))
    if not found.std() > LEFT * self.estimate.std():  # Not "<=": it may be no number.
      raise UserError(f"nothing is left of the fingerprint of {shown(self.device)} after cleaning")
    return found


def nothing(size: tuple[int, int]) -> Sums:
  return Sums(jnp.zeros(size), jnp.zeros(size))


def add(sums: Sums, image: UInt8[AnyArray, "h w 3"], settings: Settings) -> Sums:
  return add_filtered(sums, filtered(image[None], settings))


def add_filtered(sums: Sums, found: Filtered) -> Sums:
  """With one image more. Maximum likelihood of a pattern K in residuals W = I K + noise (Chen et al. 2008, equation 6).

  Their noise has one variance for all pixels; here it is what is seen around each pixel of the residual, so that
  texture, where the filter leaves content, counts less. Saturated pixels do not count. Learned noise adds to this,
  of which SHARE is the pattern, what a network puts in its place.
  """
  if found.settings.noise == LEARNED.noise:
    return _with_learned(sums, found)
  return _add(sums, found.images, found.noise)


def _with_learned(sums: Sums, found: Filtered) -> Sums:
  from fsim.prnu import learned  # Needs Flax, without which all else matches.

  above, below = _add(nothing(found.images.shape[1:3]), found.images, found.noise)
  seen = Sums(*(part[0] for part in learned.evidence(found.images, found.noise)))
  return sums + seen + Sums(learned.SHARE * above, learned.SHARE**2 * below)


@jax.jit
def _add(sums: Sums, images: UInt8[AnyArray, "1 h w 3"], noise: Float[AnyArray, "1 h w"]) -> Sums:
  precision = exposed(images[0]) / (local_power(noise[0]) + VARIANCE_FLOOR)
  light = grey(images[0])
  return sums + Sums(noise[0] * light * precision, light**2 * precision)


def estimate(sums: Sums, device: str, images: tuple[str, ...], settings: Settings) -> Fingerprint:
  """Raises UserError without images."""
  if not images:
    raise UserError(f"no image is left for the fingerprint of {shown(device)}")
  above, below = (np.asarray(x) for x in sums)
  return Fingerprint(above / np.maximum(below, 1e-6), below, device, images, settings)


def merge(a: Fingerprint, b: Fingerprint) -> Fingerprint:
  """The fingerprint of all images of both. Raises UserError if sizes or settings differ or an image is in both."""
  both = f"{shown(a.device)} and {shown(b.device)}"
  if a.estimate.shape != b.estimate.shape or a.settings != b.settings:
    sizes = [("size", "{1}x{0}".format(*x.estimate.shape)) for x in (a, b)]
    said = [dict([size, *x.settings._asdict().items()]) for size, x in zip(sizes, (a, b), strict=True)]
    other = ", ".join(
      f"{name} {said[0][name]} and {said[1][name]}" for name in said[0] if said[0][name] != said[1][name]
    )
    raise UserError(f"fingerprints of {both} differ in size or settings and cannot be merged: {shown(other)}")
  twice = max(len(set(a.images) & set(b.images)), len(set(a.contents) & set(b.contents)))
  if twice:
    raise UserError(f"{twice} images are in both fingerprints, of {both}")
  merged = estimate(sums_of(a) + sums_of(b), a.device, a.images + b.images, a.settings)
  contents = a.contents + b.contents if a.contents and b.contents else ()
  return merged._replace(contents=contents, checked="; ".join(dict.fromkeys(x.checked for x in (a, b) if x.checked)))


def sums_of(fingerprint: Fingerprint) -> Sums:
  weight = jnp.asarray(fingerprint.weight)
  return Sums(jnp.asarray(fingerprint.estimate) * weight, weight)


def to_bytes(fingerprint: Fingerprint, bits: int = 16) -> bytes:
  """A file: with 16 bits a number for use, with 32 to go on adding without loss."""
  kind = {16: np.float16, 32: np.float32}[bits]
  # Scales of their own, or small estimates and large weights would leave the range of float16.
  scales = [max(float(np.abs(x).max()), 1e-12) for x in (fingerprint.estimate, fingerprint.weight)]
  described = {
    "format": FORMAT,
    "device": fingerprint.device,
    "images": fingerprint.images,
    "contents": fingerprint.contents,
    "settings": fingerprint.settings._asdict(),
    "size": fingerprint.estimate.shape,
    "bits": bits,
    "scales": scales,
    "checked": fingerprint.checked,
  }
  buffer = io.BytesIO()
  np.savez(
    buffer,
    estimate=(fingerprint.estimate / scales[0]).astype(kind),
    weight=(fingerprint.weight / scales[1]).astype(kind),
    about=json.dumps(described),
  )
  return buffer.getvalue()


def save(path: Path, fingerprint: Fingerprint, bits: int = 16) -> None:
  """Writes a file of fsim's own in one go, whatever is there."""
  outputs.replace(path, to_bytes(fingerprint, bits))


def load(path: Path) -> Fingerprint:
  """Raises Unreadable naming the file if it is not a fingerprint, or one that cannot be true."""
  try:
    found = read_npz(path, FIELDS)
    said = about.parse(str(found["about"]))
    arrays = [_scaled(found[name], said, k) for k, name in enumerate(("estimate", "weight"))]
  except ValueError as error:
    raise Unreadable(path, f"not a fingerprint ({getattr(error, 'cause', error)})") from error
  return Fingerprint(*arrays, said.device, said.images, said.settings, said.contents, said.checked)


def _scaled(stored: Float[np.ndarray, "h w"], said: about.About, which: int) -> Float[np.ndarray, "h w"]:
  """The estimate (0) or the weight (1). Raises ValueError for what no sum over images can be."""
  name, largest = ("estimate", "weight")[which], LARGEST[which]
  if stored.shape != said.size or stored.dtype.itemsize * 8 != said.bits:
    raise ValueError(f"its {name} is {stored.shape} of {stored.dtype}, and it says {said.size} of {said.bits} bits")
  if said.scales[which] > largest:
    raise ValueError(f"its {name} has the scale {said.scales[which]:.0e}")
  highest, lowest = (float(x) * said.scales[which] for x in (stored.max(), stored.min()))
  if max(highest, -lowest) > largest:
    raise ValueError(f"its {name} reaches {max(highest, -lowest):.0e}")
  scaled = stored.astype(np.float32) * np.float32(said.scales[which])
  if which == 0 and not scaled.std() > 0:
    raise ValueError("its estimate is the same everywhere")
  if which == 1 and (lowest < 0 or not scaled.max() > 0):
    raise ValueError("its weight is nowhere above 0, or somewhere below")
  return scaled


@functools.partial(jax.jit, static_argnames="settings")
def _cleaned(
  estimate: Float[AnyArray, "h w"], weight: Float[AnyArray, "h w"], settings: Settings
) -> Float[AnyArray, "h w"]:
  """The mean of the posterior if sensitivities are normally distributed: pixels that few images show come down."""
  return clean((estimate * weight / (weight + PRIOR**-2))[None], settings)[0]
