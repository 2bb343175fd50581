"""Which coefficients compression leaves near zero."""

import io

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from fsim.models import block_shares
from fsim.models.block_shares import NEAR, SHARES
from tests import jpegs


def pixels(seed, quality=None, side=64, **options):
  """A scene, as it is or as a JPEG file of this quality gives it back."""
  scene = jpegs.scene(side, side, seed=seed)
  if quality is None:
    return scene
  buffer = io.BytesIO()
  Image.fromarray(scene).save(buffer, "JPEG", quality=quality, **options)
  return np.asarray(Image.open(buffer))


def shares(*images):
  return np.asarray(block_shares.near_zero(jnp.stack(images))).reshape(len(images), len(NEAR), 3, -1)


def slowly(image, error):
  """Block by block, in 64 bits; with limits that are larger by an error."""
  x = image.astype(np.float64)
  y = x @ [0.299, 0.587, 0.114]
  colours = [y, x[..., 2] - y, x[..., 0] - y]
  rows, columns = (n // 8 for n in image.shape[:2])
  cut = [c[8 * i : 8 * i + 8, 8 * j : 8 * j + 8] for c in colours for i in range(rows) for j in range(columns)]
  found = np.abs([dctn(block, norm="ortho") for block in cut]).reshape(3, rows * columns, 64)
  return np.stack([(found < limit + error).mean(1)[:, 1:] for limit in NEAR])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([None, 95, 60]), st.sampled_from([64, 71]))
def test_shares_are_those_of_the_slow_reference(seed, quality, side):
  image = pixels(seed, quality, side)
  found = shares(image)[0]
  assert (found >= slowly(image, -1e-3) - 1e-6).all()  # Some coefficients are the limit to the last bit.
  assert (found <= slowly(image, 1e-3) + 1e-6).all()


def test_the_worse_the_quality_the_more_is_near_zero():
  found = shares(*(pixels(3, quality, subsampling="4:4:4") for quality in (95, 80, 50)))
  assert (np.diff(found.mean((2, 3)), axis=0) > 0).all()
  assert found[2, 0, 0, -1] > 0.9  # The highest frequency of luminance.


def test_colour_at_half_the_pixels_leaves_its_high_frequencies_near_zero():
  whole, halved = shares(pixels(5, 95, subsampling="4:4:4"), pixels(5, 95, subsampling="4:2:0"))
  high = [(row, column) for row in range(5, 8) for column in range(5, 8)]
  places = [8 * row + column - 1 for row, column in high]
  assert halved[0, 1:, places].mean() > whole[0, 1:, places].mean() + 0.1


def test_off_the_grid_the_trace_is_gone():
  """Quantised coefficients are near zero in the blocks of the file, not in those beside them."""
  image = pixels(7, 60, 128)
  on, off = shares(image[:64, :64])[0, 0], shares(image[3:67, 5:69])[0, 0]
  assert on.mean() > off.mean() + 0.1


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_plain_patch_has_all_near_zero(level):
  found = shares(np.full((64, 64, 3), level, np.uint8))
  assert found.size == SHARES
  assert (found == 1).all()


def test_the_wider_the_limit_the_more_is_near_zero():
  found = shares(pixels(11, 90))[0]
  assert (np.diff(found, axis=0) >= 0).all()
  assert (np.diff(found.mean((1, 2))) > 0).all()
