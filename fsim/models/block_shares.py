"""Which DCT coefficients a camera's JPEG compression leaves near zero: a trace that no network has to learn.

Quantisation tables and subsampling are a camera model's own (Farid 2006, "Digital image ballistics from JPEG
quantization"), and what they leave can be seen in the pixels: of each frequency of a colour the shares of blocks in
which it is next to nothing, by several limits. They depend on what is photographed, too; a scorer that knows how
features scatter within camera models (`pair_scorers.WhitenedScorer`) finds what does not.

Shapes: b patches, h w pixels, r c blocks.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.fft import dct

from fsim.data.markers import JPEG_GRID
from fsim.models.extractors import Pixels

NEAR = (0.5, 1.5, 3.0)  # Sizes of a coefficient, in grey levels (orthonormal transform), below which it is near zero.
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # As JFIF has it.
COLOURS = np.stack([LUMINANCE, [0, 0, 1] - LUMINANCE, [1, 0, 0] - LUMINANCE]).astype(np.float32)  # Y, B - Y, R - Y.
TRANSFORM = dct(np.eye(JPEG_GRID), axis=0, norm="ortho").astype(np.float32)
SHARES = len(NEAR) * 3 * (JPEG_GRID**2 - 1)


def near_zero(images: Pixels) -> Float[Array, "b SHARES"]:
  """Of patches on JPEG's grid: shares of blocks, by limit and frequency but 0, of luminance, and blue and red less it.

  What is left of a block at the lower and right edge is not looked at.
  """
  rows, columns = (n // JPEG_GRID for n in images.shape[1:3])
  whole = images[:, : rows * JPEG_GRID, : columns * JPEG_GRID].astype(jnp.float32)
  blocks = (whole @ COLOURS.T).reshape(len(images), rows, JPEG_GRID, columns, JPEG_GRID, 3)
  found = jnp.einsum("ui,vj,bricjk->brckuv", TRANSFORM, TRANSFORM, blocks, precision="highest")
  shares = jnp.stack([(jnp.abs(found) < limit).mean((1, 2)) for limit in NEAR], 1)
  return shares.reshape(len(images), len(NEAR), 3, -1)[..., 1:].reshape(len(images), SHARES)
