"""Do two noise patterns come from one sensor? Correlation, PCE, thresholds.

PCE: Goljan, Fridrich & Filler 2009, "Large scale test of sensor fingerprint camera identification", section 3.
Shapes: m n patterns, h w pixels; H W pixels of the larger pattern of a pair.
"""

import functools
import math
from statistics import NormalDist
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from fsim.boundary.errors import UserError
from fsim.data.markers import JPEG_GRID
from fsim.prnu import AnyArray

WINDOW = 11  # Side of the square around the peak, cyclic, that does not count as correlation energy.
NORMAL = NormalDist()  # Of the standard library: to import SciPy takes as long as all matching of a few photographs.
PCE_FLOOR = 9.0  # Aligned PCE from which on the window is taken out exactly.
SQUARE = 512  # Pixels a side at most, in which `widening` is measured: to 2 %.


class Peaks(NamedTuple):
  """The highest correlation of each pair among the shifts looked at.

  Attributes:
    pce: its square over the mean square of all outside WINDOW around it, with the sign of the correlation.
    shift: (rows, columns) at which the first pattern's origin lies in the second.
    n_hypotheses: number of shifts looked at, the k of `threshold`.
  """

  pce: Float[np.ndarray, "m n"]
  shift: Int[np.ndarray, "m n 2"]
  n_hypotheses: int


def threshold(alpha: float, n_hypotheses: int) -> float:
  """PCE that the highest of so many independent hypotheses exceeds with probability alpha if the sensors differ.

  tau(alpha, k) = Qinv(1 - (1 - alpha)^(1/k))^2, for correlations that are normally distributed; k = 1 when aligned.
  """
  if not 0 < alpha < 0.5 or n_hypotheses < 1:
    raise UserError(
      f"a false-alarm probability in (0, .5) and at least one hypothesis are needed, got {alpha} and {n_hypotheses}"
    )
  probability = -math.expm1(math.log1p(-alpha) / n_hypotheses)
  return NORMAL.inv_cdf(probability) ** 2 if probability else math.inf


def false_alarm(pce: float, n_hypotheses: int) -> float:
  """Probability that the highest of so many hypotheses reaches this PCE if the sensors differ; inverts `threshold`."""
  single = math.erfc(math.copysign(math.sqrt(abs(pce) / 2), pce)) / 2
  return -math.expm1(n_hypotheses * math.log1p(-single)) if single < 1 else 1.0


@jax.jit
def correlation(a: Float[AnyArray, "m h w"], b: Float[AnyArray, "n h w"]) -> Float[AnyArray, "m n"]:
  """Normalised correlation of every pattern with every other, aligned: one matrix product."""
  a, b = (_centred(x).reshape(len(x), -1) for x in (a, b))
  norms = jnp.linalg.norm(a, axis=1)[:, None] * jnp.linalg.norm(b, axis=1)
  return _product(a, b) / jnp.maximum(norms, 1e-20)


def aligned_pce(
  a: Float[AnyArray, "m h w"], b: Float[AnyArray, "n h w"], exact: bool = True
) -> Float[np.ndarray, "m n"]:
  """PCE of every pattern with every other at no shift.

  Peaks and energies of all pairs are two matrix products: the energy over all shifts is the product of the two power
  spectra. Around a peak the 11x11 window is taken out exactly. Where there is none (below PCE_FLOOR) it holds as much
  energy as any other place, so that leaving it in changes the mean by about 121 / (h w). Unless `exact`, it is left in
  everywhere, which makes a very high PCE a little lower and costs no transform a pair.
  """
  pce = np.array(_roughly(a, b))
  if not exact:
    return pce
  for row, column in np.argwhere(np.abs(pce) > PCE_FLOOR):
    pce[row, column] = _exactly(a[row], b[column])
  return pce


def search(a: Float[AnyArray, "m h w"], b: Float[AnyArray, "n H W"], reach: int | None = None) -> Peaks:
  """PCE of every pattern with every other over shifts: all (None), or up to `reach` rows and columns.

  Patterns of one size are shifted cyclically. Otherwise `a` must fit into `b` and lies wholly inside it at every shift.
  Raises ValueError if it does not fit.
  """
  (h, w), (height, width) = a.shape[1:], b.shape[1:]
  if h > height or w > width:
    raise ValueError(f"a pattern of {w}x{h} does not fit into one of {width}x{height}")
  rows, columns = (_allowed(small, large, reach) for small, large in ((h, height), (w, width)))
  pce, place = (np.array(x) for x in _search(a, b, rows, columns))
  shift = np.stack(np.divmod(place, width), -1)
  back = (shift > np.array([height // 2, width // 2])) & (np.array([h, w]) == np.array([height, width]))
  shift -= back * np.array([height, width])
  return Peaks(pce, shift, int(rows.sum() * columns.sum()))


def _allowed(small: int, large: int, reach: int | None) -> Bool[np.ndarray, " n"]:
  """Which cyclic shifts along one axis are looked at."""
  allowed = np.zeros(large, bool)
  if small < large:
    allowed[: large - small + 1 if reach is None else min(large - small, reach) + 1] = True
  elif reach is None or 2 * reach + 1 >= large:
    allowed[:] = True
  else:
    allowed[np.arange(-reach, reach + 1)] = True
  return allowed


@jax.jit
def _search(
  a: Float[AnyArray, "m h w"], b: Float[AnyArray, "n H W"], rows: Array, columns: Array
) -> tuple[Float[AnyArray, "m n"], Int[AnyArray, "m n"]]:
  """Each spectrum is made once; every pair then costs one inverse transform."""
  size = b.shape[1:]
  padded = jnp.pad(_centred(a), [(0, 0), *((0, n - s) for n, s in zip(size, a.shape[1:], strict=True))])
  first, second = jnp.conj(jnp.fft.rfft2(padded)), jnp.fft.rfft2(_centred(b))
  barred = jnp.where(rows, 0, -jnp.inf)[:, None], jnp.where(columns, 0, -jnp.inf)

  def pair(both: tuple[AnyArray, Array]) -> tuple[AnyArray, Array]:
    found = jax.lax.optimization_barrier(jnp.fft.irfft2(first[both[0]] * second[both[1]], s=size))
    candidates = found + barred[0] + barred[1]
    row = candidates.max(1).argmax()  # In two steps: an argmax over all pixels is several times slower on the CPU.
    column = candidates[row].argmax()
    return _energy_ratio(found, row, column), row * size[1] + column

  m, n = len(a), len(b)
  pce, place = jax.lax.map(pair, (jnp.repeat(jnp.arange(m), n), jnp.tile(jnp.arange(n), m)))
  return pce.reshape(m, n), place.reshape(m, n)


def _energy_ratio(found: Float[AnyArray, "h w"], row: Array | int, column: Array | int) -> Float[AnyArray, ""]:
  """Signed peak^2 over the mean square outside the cyclic window around it."""
  h, w = found.shape
  around = jnp.arange(WINDOW) - WINDOW // 2
  window = found[jnp.ix_((row + around) % h, (column + around) % w)]
  peak = found[row, column]
  energy = ((found**2).sum() - (window**2).sum()) / (h * w - WINDOW**2)
  return jnp.sign(peak) * peak**2 / energy


def widening(a: Float[AnyArray, "h w"], b: Float[AnyArray, "h w"]) -> float:
  """How many times the mean square correlation is in step with JPEG's blocks what it is over all shifts, at least 1.

  What is in decoded photographs varies with the place in the block and the mosaic, so that unrelated patterns correlate
  the more widely at shifts of whole blocks, and thus if they are aligned. The PCE of such a peak is so many times too
  high. Measured in a square in the middle; the peak, at no shift, is left out. Of patterns in which no two blocks lie
  nothing can be said.
  """
  starts, sides = zip(
    *((max(n - SQUARE, 0) // 2, min(n, SQUARE) // JPEG_GRID * JPEG_GRID) for n in a.shape), strict=True
  )
  blocks = math.prod(sides) // JPEG_GRID**2
  if blocks < 2:
    return 1.0
  middle = tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True))
  first, second = (np.fft.rfft2(_centred(np.asarray(x)[middle])) for x in (a, b))
  squares = np.fft.irfft2(first.conj() * second, s=sides) ** 2
  around = np.arange(WINDOW) - WINDOW // 2
  squares[np.ix_(around, around)] = 0
  if not squares.sum() > 0:
    return 1.0
  in_step, every = squares[::JPEG_GRID, ::JPEG_GRID].sum() / (blocks - 1), squares.sum() / (squares.size - WINDOW**2)
  return max(float(in_step / every), 1.0)


@jax.jit
def _exactly(a: Float[AnyArray, "h w"], b: Float[AnyArray, "h w"]) -> Float[AnyArray, ""]:
  """Aligned PCE whose energy leaves out the window."""
  first, second = (jnp.fft.rfft2(_centred(x)) for x in (a, b))
  return _energy_ratio(jnp.fft.irfft2(jnp.conj(first) * second, s=a.shape), 0, 0)


@jax.jit
def _roughly(a: Float[AnyArray, "m h w"], b: Float[AnyArray, "n h w"]) -> Float[AnyArray, "m n"]:
  """Aligned PCE whose energy leaves out the peak alone."""
  size = a.shape[1] * a.shape[2]
  a, b = _centred(a), _centred(b)
  peaks = _product(a.reshape(len(a), -1), b.reshape(len(b), -1))
  powers = [(jnp.abs(jnp.fft.rfft2(x)) ** 2).reshape(len(x), -1) for x in (a, b)]
  total = _product(powers[0] * _twice(a.shape), powers[1]) / size
  return jnp.sign(peaks) * peaks**2 / ((total - peaks**2) / (size - 1))


def _twice(shape: tuple[int, ...]) -> Float[np.ndarray, " v"]:
  """How often each value of half a spectrum stands in the whole one."""
  h, w = shape[1:]
  times = np.full((h, w // 2 + 1), 2, np.float32)
  times[:, 0] = 1
  if w % 2 == 0:
    times[:, -1] = 1
  return times.reshape(-1)


def _centred(x: Float[AnyArray, "*n h w"]) -> Float[AnyArray, "*n h w"]:
  return x - x.mean((-2, -1), keepdims=True)


_product = functools.partial(jnp.einsum, "md,nd->mn", precision="highest")
