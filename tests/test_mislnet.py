from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fsim.models import block_shares
from fsim.models.constrained import KERNEL, constrain_kernel
from fsim.models.mislnet import FEATURES, LEAST_SIDE, SHARE, MislNet
from tests.networks import applied, drawn

Net = partial(MislNet, classes=3, colours="green", truncation=0.0, last_pool="max")


def patches(n, side):
  return np.random.default_rng(1).integers(0, 256, (n, side, side, 3), np.uint8)


def painted(images, colour, level):
  """With one level in every pixel of a colour, or of several."""
  own = images.copy()
  own[..., colour] = level
  return own


@pytest.fixture(scope="module")
def variables():
  return drawn(Net(), patches(1, LEAST_SIDE))


def apply(variables, images, **changes):
  """(feature, logits) of the net at rest."""
  return applied(Net(**changes), variables, images)


def trained(variables, images):
  return applied(Net(), variables, images, train=True, mutable=("batch_stats",))


def shapes(net, side):
  return jax.eval_shape(lambda: net.init(jax.random.key(0), jnp.zeros((1, side, side, 3), jnp.uint8)))["params"]


# The middle is 75 (or 450) + 14,208 (or 28,320) + 153,664 + 102,464 + 8,320 + 704 of BatchNorm + 40,200, and the first
# dense layer sees 6x6x128 values of 256 pixels, 2x2x128 of 128.
@pytest.mark.parametrize(
  ("colours", "side", "count"),
  [
    ("green", 256, 1_241_435),
    ("rgb", 256, 1_255_922),
    ("green", 128, 422_235),
    ("rgb", 128, 436_722),
    ("each", 128, 422_235),
  ],
)
@pytest.mark.parametrize("last_pool", ["max", "average"])
@pytest.mark.parametrize("constrained", [True, False])
def test_parameters_up_to_the_features_are_the_published_number(colours, side, count, last_pool, constrained):
  made = shapes(Net(classes=40, colours=colours, last_pool=last_pool, constrained=constrained), side)
  assert sum(x.size for name, part in made.items() if name != "classes" for x in jax.tree.leaves(part)) == count
  assert made["classes"]["kernel"].shape == (FEATURES, 40)
  assert any(KERNEL in part for part in made.values()) == constrained


def test_maps_have_the_published_sides():
  net, images = Net(), jnp.zeros((1, 256, 256, 3), jnp.uint8)
  made = jax.eval_shape(lambda: net.init(jax.random.key(0), images))
  _, states = jax.eval_shape(lambda v: net.apply(v, images, capture_intermediates=True), made)
  seen = states["intermediates"]
  sides = [seen[name]["__call__"][0].shape[1] for name in ("ConstrainedConv_0", *(f"Conv_{k}" for k in range(4)))]
  assert sides == [252, 126, 62, 30, 14]


def test_the_feature_is_what_stands_before_the_last_tanh(variables):
  for dtype in (jnp.float32, jnp.bfloat16):
    feature, logits = apply(variables, patches(2, LEAST_SIDE), dtype=dtype)
    assert feature.shape == (2, FEATURES)
    assert feature.dtype == logits.dtype == jnp.float32
    head = variables["params"]["classes"]
    np.testing.assert_allclose(logits, np.tanh(feature) @ head["kernel"] + head["bias"], atol=1e-5)


def test_brightness_is_not_seen_and_green_alone_counts(variables):
  images = patches(2, LEAST_SIDE) // 2
  feature, _ = apply(variables, images)
  brighter, _ = apply(variables, images + 100)
  np.testing.assert_allclose(brighter, feature, atol=1e-3)
  recoloured, _ = apply(variables, painted(images, [0, 2], 9))
  np.testing.assert_array_equal(recoloured, feature)
  other, _ = apply(variables, painted(images, 1, 9))
  assert np.abs(np.asarray(other) - np.asarray(feature)).max() > 0.01


def only_residuals(module, method):
  return method == "residuals"


def test_truncation_bounds_the_residuals_and_each_colour_has_a_filter_of_its_own():
  images = patches(2, LEAST_SIDE)
  made = drawn(Net(colours="each"), images)

  def residuals(pixels, truncation):
    net = Net(colours="each", truncation=truncation)
    return applied(net, made, pixels, capture_intermediates=only_residuals)[1]["intermediates"]["residuals"][0]

  seen, whole = np.asarray(residuals(images, 2.0)), np.asarray(residuals(images, 0.0))
  assert seen.shape[-1] == 3
  assert np.abs(whole).max() > 20
  np.testing.assert_array_equal(np.clip(whole, -2, 2), seen)
  greyed = np.asarray(residuals(painted(images, 0, 9), 2.0))
  np.testing.assert_allclose(greyed[..., 0], 0, atol=1e-4)
  np.testing.assert_array_equal(greyed[..., 1:], seen[..., 1:])


def test_the_scale_of_the_pixels_is_not_seen_in_training(variables):
  images = patches(4, LEAST_SIDE).astype(np.float32)
  (one, _), _ = trained(variables, images)
  (other, _), _ = trained(variables, images / 4)
  np.testing.assert_allclose(one, other, atol=1e-2)


def test_a_patch_has_its_feature_alone_and_in_company(variables):
  images = patches(3, LEAST_SIDE)
  together, _ = apply(variables, images)
  alone, _ = apply(variables, images[1:2])
  np.testing.assert_allclose(np.asarray(alone)[0], np.asarray(together)[1], atol=1e-4)


def test_training_moves_the_statistics_and_the_last_pool_matters(variables):
  _, new = trained(variables, patches(4, LEAST_SIDE))
  before, after = (v["batch_stats"]["BatchNorm_0"]["mean"] for v in (variables, new))
  assert np.abs(before - np.asarray(after)).max() > 0
  average, _ = apply(variables, patches(2, LEAST_SIDE), last_pool="average")
  largest, _ = apply(variables, patches(2, LEAST_SIDE))
  assert np.abs(np.asarray(average) - np.asarray(largest)).max() > 0.01


def test_the_first_layer_starts_constrained():
  begun = jax.jit(lambda key, images: Net().init(key, images)["params"]["ConstrainedConv_0"][KERNEL])
  kernel = begun(jax.random.key(0), patches(1, LEAST_SIDE))
  np.testing.assert_allclose(constrain_kernel(kernel), kernel, atol=1e-6)


@pytest.mark.parametrize(
  ("net", "side", "message"),
  [
    (Net(colours="blue"), 80, "got 'blue' and 'max'"),
    (Net(last_pool="least"), 80, "got 'green' and 'least'"),
    (Net(), LEAST_SIDE - 1, "at least 65 pixels a side, got 64x64"),
  ],
)
def test_what_does_not_exist_or_fit_is_refused(net, side, message):
  with pytest.raises(ValueError, match=message):
    shapes(net, side)


def test_block_shares_stand_behind_the_features_and_change_neither_them_nor_the_logits():
  images = jnp.asarray(patches(2, 72))
  plain, more = (MislNet(3, "each", 2.0, "max", block_shares=shares) for shares in (False, True))
  variables = drawn(plain, images)

  @jax.jit
  def together(variables, images):
    return *(net.apply(variables, images) for net in (plain, more)), SHARE * block_shares.near_zero(images)

  (features, logits), (longer, same), shares = together(variables, images)
  np.testing.assert_array_equal(same, logits)
  np.testing.assert_array_equal(longer[:, : features.shape[1]], features)
  np.testing.assert_array_equal(longer[:, features.shape[1] :], shares)
