import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fsim.models import extractors
from fsim.models.extractors import PatchNet, SignatureNet
from tests.networks import applied, drawn


def pixels(n, side):
  return np.random.default_rng(1).integers(0, 256, (n, side, side, 3), np.uint8)


def count(variables):
  return sum(x.size for x in jax.tree.leaves(variables["params"]))


def published(classes, side):
  convolutions = (7 * 7 * 3 * 96 + 96) + (5 * 5 * 96 * 64 + 64) + (5 * 5 * 64 * 64 + 64) + (64 * 128 + 128)
  batch_norm = 2 * (96 + 64 + 64 + 128)
  side = -(-side // 2)
  for _ in range(4):
    side = (side - 3) // 2 + 1
  dense = (side * side * 128 * 1024 + 1024) + (1024 * 200 + 200) + (200 * classes + classes)
  return convolutions + batch_norm + dense


@pytest.mark.parametrize(("size", "classes"), [(96, 12), (128, 31), (256, 31)])
def test_layers_are_the_published_ones(size, classes):
  net = SignatureNet(classes=classes)
  shapes = jax.eval_shape(lambda: net.init(jax.random.key(0), jnp.zeros((1, size, size, 3), jnp.uint8)))
  assert count(shapes) == published(classes, size)


def test_the_signature_is_a_bounded_vector_of_1024_whatever_the_arithmetic():
  images = pixels(2, 64)
  for dtype in (jnp.float32, jnp.bfloat16):
    net = SignatureNet(classes=3, dtype=dtype)
    signature, logits = applied(net, drawn(net, images), images)
    assert signature.shape == (2, 1024)
    assert logits.shape == (2, 3)
    assert signature.dtype == logits.dtype == jnp.float32
    assert float(jnp.abs(signature).max()) <= 1


def test_an_image_is_signed_alike_alone_and_in_company():
  images = pixels(2, 64)
  net = SignatureNet(classes=3)
  variables = drawn(net, images)
  together, _ = applied(net, variables, images)
  alone, _ = applied(net, variables, images[1:])
  np.testing.assert_allclose(alone[0], together[1], atol=1e-5)


def test_a_flat_image_leaves_no_residual():
  flat = jnp.full((1, 12, 9, 3), 77, jnp.uint8)
  np.testing.assert_array_equal(extractors.residual(flat), 0)


def test_the_high_pass_filter_leaves_nothing_of_smooth_content_and_the_kernel_of_a_speck():
  y, x = jnp.mgrid[:16, :16]
  smooth = jnp.broadcast_to((3 * x - 2 * y + 40 + 0.25 * x * y)[None, ..., None], (1, 16, 16, 3))
  np.testing.assert_allclose(extractors.high_pass(smooth)[:, 2:-2, 2:-2], 0, atol=1e-4)
  speck = extractors.high_pass(jnp.zeros((1, 16, 16, 3)).at[0, 8, 8].set(12))
  expected = 12 * extractors.HIGH_PASS * extractors.HIGH_PASS_SCALE
  np.testing.assert_allclose(speck[0, 6:11, 6:11, 1], expected, rtol=1e-6)


def test_a_ramp_is_content_and_a_speck_is_not():
  ramp = jnp.broadcast_to(jnp.arange(12)[None, :, None, None], (1, 12, 12, 3)).astype(jnp.float32)
  np.testing.assert_allclose(extractors.residual(ramp)[:, 1:-1], 0)
  speck = extractors.residual(ramp.at[0, 5, 5].add(1))
  np.testing.assert_allclose(speck[0, 5, 5], 1 / extractors.TRUNCATION)
  np.testing.assert_allclose(speck[0, 5, 6], -0.25 / extractors.TRUNCATION)


def test_both_fronts_are_bounded():
  images = jnp.asarray(pixels(2, 16))
  for front in (extractors.rgb, extractors.residual):
    assert float(jnp.abs(front(images)).max()) <= 1


def test_the_patch_network_has_the_published_size_and_ceil_pooling():
  net, patches = PatchNet(classes=18), jnp.zeros((1, 64, 64, 3), jnp.uint8)
  variables = jax.eval_shape(lambda: net.init(jax.random.key(0), patches))
  assert count(variables) == 340_642
  _, states = jax.eval_shape(lambda v: net.apply(v, patches, capture_intermediates=True), variables)
  sides = [states["intermediates"][f"Conv_{k}"]["__call__"][0].shape[1] for k in range(4)]
  assert sides == [61, 27, 10, 1]


def test_the_patch_network_sees_the_difference_from_the_mean_patch():
  net = PatchNet(classes=3)
  patches = pixels(2, 64)
  variables = extractors.with_mean(drawn(net, patches), patches[0].astype(np.float32))
  feature, _ = applied(net, variables, patches)
  np.testing.assert_allclose(feature[0], 0, atol=1e-6)
  assert float(jnp.abs(feature[1]).max()) > 0


def test_training_leaves_the_mean_patch_alone():
  net = PatchNet(classes=3)
  patches = pixels(2, 64)
  variables = extractors.with_mean(drawn(net, patches), np.full((64, 64, 3), 99.0, np.float32))
  (_, logits), new = applied(net, variables, patches, train=True, mutable=("batch_stats",))
  np.testing.assert_array_equal(new["batch_stats"]["mean"], 99)
  np.testing.assert_array_equal(logits, applied(net, variables, patches)[1])
