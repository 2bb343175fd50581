"""Sensor noise as a network sees it: evidence of the pattern in a photograph, in place of residual and intensity.

Shapes: b images, h w pixels.
"""

import functools
from typing import Any

import jax
from jaxtyping import Float, UInt8

from fsim.models.noise_net import Evidence, NoiseNet
from fsim.prnu import AnyArray
from fsim.prnu.fingerprints import PRIOR, VARIANCE_FLOOR, Sums
from fsim.prnu.probe import off_grid
from fsim.prnu.residuals import DEFAULT, clean, compiled_noise, local_power


def evidence(images: UInt8[AnyArray, "b h w 3"], net: NoiseNet, variables: Any) -> Evidence:
  return of_residual(images, compiled_noise(images, DEFAULT), net, variables)


@functools.partial(jax.jit, static_argnames="net")
def of_residual(
  images: UInt8[AnyArray, "b h w 3"], residual: Float[AnyArray, "b h w"], net: NoiseNet, variables: Any
) -> Evidence:
  """residual: of the wavelet filter, not cleaned."""
  return net.apply(variables, images, residual, local_power(residual) + VARIANCE_FLOOR)


def pattern(found: Evidence | Sums) -> Float[AnyArray, "b h w"]:
  """What is correlated, of one photograph or of the sum of several: the posterior's mean, without what cameras share.

  The product of two is to first order the logarithm of the likelihood ratio of one sensor against two.
  """
  return _pattern(*found)


@jax.jit
def _pattern(information: Float[AnyArray, "b h w"], precision: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b h w"]:
  return off_grid(clean(information / (precision + PRIOR**-2), DEFAULT))
