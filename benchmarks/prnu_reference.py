"""PRNU as the public NumPy code has it, with PyWavelets and SciPy: what fsim.prnu is held to, and compared with."""

import numpy as np
import pywt
import scipy.fft
import scipy.ndimage

GREY = [0.299, 0.587, 0.114]


def noisy(x, variance, border):
  local = np.min([scipy.ndimage.uniform_filter(x**2, k, mode=border) for k in (3, 5, 7, 9)], axis=0)
  return x * variance / (np.maximum(local - variance, 0) + variance)


def noise(image, wavelet="db4", levels=4, sigma=5.0, dtype=np.float64):
  """Of an RGB image. float32 is what the public code computes in, float64 is to be right."""
  channels = []
  for channel in np.moveaxis(image.astype(dtype), -1, 0):
    approximation, *details = pywt.wavedec2(channel, wavelet, mode="symmetric", level=levels)
    taken = [tuple(noisy(band, sigma**2, "constant") for band in level) for level in details]
    whole = pywt.waverec2([np.zeros_like(approximation), *taken], wavelet, mode="symmetric")
    channels.append(whole[: image.shape[0], : image.shape[1]])
  return np.tensordot(np.array(GREY, dtype), channels, 1)


def zero_mean(x):
  x = x - x.mean(0)
  return x - x.mean(1, keepdims=True)


def zero_mean_phases(x):
  x = x.copy()
  for i in (0, 1):
    for j in (0, 1):
      x[i::2, j::2] = zero_mean(x[i::2, j::2])
  return x


def whitened(x):
  spectrum = scipy.fft.fft2(x)
  size = np.abs(spectrum) / np.sqrt(x.size)
  gain = np.where(size > 0, noisy(size, x.var(), "wrap") / np.where(size > 0, size, 1), 0)
  return np.real(scipy.fft.ifft2(spectrum * gain))


def residual(image, **settings):
  return whitened(zero_mean_phases(noise(image, **settings)))


def correlations(a, b):
  """Cyclic cross-correlation of centred patterns; element s is the sum of a(x) b(x + s)."""
  spectra = [scipy.fft.fft2(x - x.mean()) for x in (a, b)]
  return np.real(scipy.fft.ifft2(np.conj(spectra[0]) * spectra[1]))


def pce(found, row, column):
  rolled = np.roll(found, (5 - row, 5 - column), (0, 1)) ** 2
  energy = (rolled.sum() - rolled[:11, :11].sum()) / (found.size - 121)
  return np.sign(found[row, column]) * found[row, column] ** 2 / energy
