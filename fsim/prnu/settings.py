"""How residuals are made: what a command line may set, without what it takes to make them."""

from typing import NamedTuple


class Settings(NamedTuple):
  """How a residual is made; part of every fingerprint, and two are compared only if they agree.

  Attributes:
    wavelet: orthogonal wavelet by its PyWavelets name; "db4" (eight taps) in the public implementations, or "db8".
    levels: of the wavelet transform.
    sigma: standard deviation of the noise that the filter takes off, in grey levels (Lukas et al.: 2 to 5).
    zero_mean: "phases" takes the means of rows and columns off in each of the four CFA phases, "whole" over the image,
      "none" leaves them.
    whiten: Wiener filter in the Fourier domain, against what repeats: the JPEG grid, the CFA.
    noise: one of NOISES: "classical" weights the residual by its local variance and the intensity, "learned" has a
      network weight and correct it too, and takes both.
  """

  wavelet: str = "db4"
  levels: int = 4
  sigma: float = 5.0
  zero_mean: str = "phases"
  whiten: bool = True
  noise: str = "classical"


DEFAULT = Settings()
LEARNED = Settings(noise="learned")  # The network knows residuals of these settings alone.
NOISES = ("classical", "learned")
MAX_SIGMA = 100.0  # Grey levels; nothing is left of an image beyond.
