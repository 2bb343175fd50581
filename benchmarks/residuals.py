"""Noise residuals, fingerprints and PCE, just enough to compare virtual with real cameras.

Residual: Mihcak's wavelet filter (Lukas, Fridrich & Goljan 2006); PCE: Goljan, Fridrich & Filler 2009.
Shapes: h w pixels.
"""

from collections.abc import Sequence

import numpy as np
import scipy.fft
import scipy.ndimage

# Daubechies' 8-tap low-pass filter ("db4").
LOW = np.array(
  [
    -0.010597401785,
    0.032883011667,
    0.030841381836,
    -0.187034811719,
    -0.027983769417,
    0.630880767930,
    0.714846570553,
    0.230377813309,
  ],
  np.float32,
)
HIGH = LOW[::-1] * (-1.0) ** np.arange(8, dtype=np.float32)
SIGMA = 5  # Noise that the filter takes off, in grey levels.


def _down(image: np.ndarray, taps: np.ndarray, axis: int) -> np.ndarray:
  filtered = scipy.ndimage.correlate1d(image, taps, axis, mode="wrap", origin=-4)
  return filtered[::2] if axis == 0 else filtered[:, ::2]


def _up(image: np.ndarray, taps: np.ndarray, axis: int) -> np.ndarray:
  shape = (image.shape[0] * 2, image.shape[1]) if axis == 0 else (image.shape[0], image.shape[1] * 2)
  spread = np.zeros(shape, np.float32)
  spread[(slice(None, None, 2), slice(None)) if axis == 0 else (slice(None), slice(None, None, 2))] = image
  return scipy.ndimage.convolve1d(spread, taps, axis, mode="wrap", origin=-4)


def _detail(band: np.ndarray) -> np.ndarray:
  """The part of a wavelet band that the Wiener filter calls noise."""
  power = band * band
  variance = np.min([scipy.ndimage.uniform_filter(power, k, mode="wrap") for k in (3, 5, 7, 9)], axis=0)
  signal = np.maximum(variance - SIGMA**2, 0)
  return band * (SIGMA**2 / (signal + SIGMA**2))


def _noise(image: np.ndarray, levels: int) -> np.ndarray:
  if levels == 0:
    return np.zeros_like(image)
  low, high = _down(image, LOW, 0), _down(image, HIGH, 0)
  bands = [
    _noise(_down(low, LOW, 1), levels - 1),
    *(_detail(_down(half, taps, 1)) for half, taps in ((low, HIGH), (high, LOW), (high, HIGH))),
  ]
  low = _up(bands[0], LOW, 1) + _up(bands[1], HIGH, 1)
  high = _up(bands[2], LOW, 1) + _up(bands[3], HIGH, 1)
  return _up(low, LOW, 0) + _up(high, HIGH, 0)


def residual(grey: np.ndarray) -> np.ndarray:
  """What the filter takes off a grey image of 0..255 whose sides are multiples of 16; rows and columns of zero mean."""
  noise = _noise(grey.astype(np.float32), 4)
  noise -= noise.mean(0)
  return noise - noise.mean(1, keepdims=True)


def whiten(noise: np.ndarray) -> np.ndarray:
  """Takes the peaks off the spectrum, which stem from the CFA and the JPEG grid."""
  spectrum = scipy.fft.fft2(noise)
  size = np.abs(spectrum) / np.sqrt(noise.size)
  expected = noise.std()
  local = np.min([scipy.ndimage.uniform_filter(size**2, k, mode="wrap") for k in (3, 5, 7, 9)], axis=0)
  kept = expected**2 / np.maximum(local, expected**2)
  return np.real(scipy.fft.ifft2(spectrum * kept)).astype(np.float32)


def fingerprint(images: Sequence[np.ndarray], residuals: Sequence[np.ndarray]) -> np.ndarray:
  """Maximum-likelihood estimate sum(W I) / sum(I^2)."""
  above = sum(w * i for w, i in zip(residuals, images, strict=True))
  return whiten(above / (sum(i * i for i in images) + 1))


def pce(noise: np.ndarray, image: np.ndarray, mark: np.ndarray) -> float:
  """Signed peak to correlation energy at no shift; the 11x11 cyclic window around the peak does not count as energy."""
  expected = image * mark
  a, b = noise - noise.mean(), expected - expected.mean()
  correlation = scipy.fft.irfft2(scipy.fft.rfft2(a) * np.conj(scipy.fft.rfft2(b)), s=a.shape)
  peak = correlation[0, 0]
  square = correlation**2
  rest = square.sum() - np.roll(square, (5, 5), (0, 1))[:11, :11].sum()
  return float(np.sign(peak) * peak**2 / (rest / (square.size - 121)))
