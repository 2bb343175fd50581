"""Textures of procedural scenes, as fields over the pixels h w.

Natural surfaces have power spectra that fall as a power of frequency (Ruderman 1994); made things are regular.
"""

import numpy as np
import scipy.fft
from jaxtyping import Float

Field = Float[np.ndarray, "h w"]


def power_noise(rng: np.random.Generator, height: int, width: int, slope: float) -> Field:
  """Gaussian field of mean 0 and variance 1 whose amplitude spectrum falls as 1 / frequency**slope; it wraps around."""
  frequency = np.hypot(scipy.fft.fftfreq(height)[:, None], scipy.fft.rfftfreq(width)[None]).astype(np.float32)
  frequency[0, 0] = np.inf
  shape = (2, *frequency.shape)
  real, imaginary = rng.standard_normal(shape, dtype=np.float32)
  field = scipy.fft.irfft2((real + 1j * imaginary) * frequency**-slope, s=(height, width))
  field -= field.mean()
  return (field / field.std()).astype(np.float32)


def stripes(u: Field, v: Field, period: float, angle: float, hardness: float) -> Field:
  """Stripes 0..1 across coordinates u, v (pixels); hardness 1 is a sine, larger ones approach bars with soft edges."""
  wave = np.sin((u * np.cos(angle) + v * np.sin(angle)) * np.float32(2 * np.pi / period))
  return 0.5 + 0.5 * np.clip(wave * hardness, -1, 1)


def checks(u: Field, v: Field, period: float) -> Field:
  """A chequered cloth 0..1 over coordinates u, v (pixels)."""
  k = np.float32(2 * np.pi / period)
  return 0.5 + 0.25 * (np.clip(3 * np.sin(u * k), -1, 1) + np.clip(3 * np.sin(v * k), -1, 1))


def bricks(rng: np.random.Generator, u: Field, v: Field, course: float) -> Field:
  """Masonry 0..1 (0 is mortar): courses of a height in pixels along v, every second one shifted by half a stone."""
  row = np.floor(v / course)
  across = u / (2.6 * course) + 0.5 * (row % 2)
  column = np.floor(across)
  inside_v, inside_u = v / course - row, across - column
  joint = np.minimum(np.minimum(inside_v, 1 - inside_v), 2.6 * np.minimum(inside_u, 1 - inside_u)) * course
  tones = rng.uniform(0.6, 1, (64, 64)).astype(np.float32)
  return np.clip(joint - 0.04 * course, 0, 1) * tones[row.astype(np.int32) % 64, column.astype(np.int32) % 64]


def writing(rng: np.random.Generator, height: int, width: int, letter: int) -> Field:
  """Ink 0..1 of lines of letter-like marks; a letter is 5 x 7 dots of letter / 7 pixels."""
  rows, columns = max(1, height // (2 * letter)), max(1, width // letter)
  glyphs = rng.random((26, 7, 5)) < 0.4
  glyphs[:, :, 0] |= rng.random((26, 1)) < 0.7
  glyphs[:, 3, :] |= rng.random((26, 1)) < 0.5
  page = np.zeros((rows, 14, columns, 7), np.float32)
  page[:, 3:10, :, 1:6] = glyphs[rng.integers(0, 26, (rows, columns))].transpose(0, 2, 1, 3)
  page *= (rng.random((rows, 1, columns, 1)) > 0.18) * (
    np.arange(columns) < columns * rng.uniform(0.5, 1, (rows, 1, 1, 1)).astype(np.float32)
  )[..., None].reshape(rows, 1, columns, 1)
  page = page.reshape(rows * 14, columns * 7)
  v = (np.arange(height) * (7 / letter)).astype(np.int32)
  u = (np.arange(width) * (7 / letter)).astype(np.int32)
  return page[np.minimum(v, page.shape[0] - 1)][:, np.minimum(u, page.shape[1] - 1)]
