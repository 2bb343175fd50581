from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fsim.models import alexnet
from fsim.models.alexnet import AlexNet
from tests.networks import applied, drawn


def noise(n, side):
  return np.random.default_rng(1).normal(size=(n, side, side)).astype(np.float32)


def shapes(net, *size):
  return jax.eval_shape(lambda: net.init(jax.random.key(0), jnp.zeros((1, *size))))


def count(variables):
  return sum(x.size for x in jax.tree.leaves(variables["params"]))


def weights(channels, side, classes, width, convolutions):
  """Of the layers (width, kernel, stride, padding, groups); a pooling step of 3 by 2 follows numbers 1, 2 and 5."""
  total = 0
  for number, (d, k, stride, padding, groups) in enumerate(convolutions, 1):
    total += d * (channels // groups * k * k + 1)
    side = (side + 2 * padding - k) // stride + 1
    side = (side - 3) // 2 + 1 if number in (1, 2, 5) else side
    channels = d
  return total + (side * side * channels + 1) * width + (width + 1) * width + (width + 1) * classes


DEFAULT = [(96, 11, 4, 0, 1), (256, 5, 1, 2, 2), (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2)]
MODIFIED = [(64, 3, 2, 0, 1), (32, 3, 1, 1, 2), (32, 3, 1, 1, 1), *DEFAULT[3:]]


def test_the_default_network_is_that_of_2012():
  net = AlexNet(classes=1000, kind="default", width=4096, norm="response")
  assert count(shapes(net, 227, 227, 3)) == 60_965_224
  assert weights(3, 227, 1000, 4096, DEFAULT) == 60_965_224


@pytest.mark.parametrize(
  ("kind", "layers", "total"), [("default", DEFAULT, 56_885_962), ("modified", MODIFIED, 253_273_418)]
)
@pytest.mark.parametrize("width", [256, 4096])
def test_ten_cameras_have_the_number_of_parameters_that_the_layers_give(kind, layers, total, width):
  own = count(shapes(AlexNet(classes=10, kind=kind, width=width, norm="response"), 256, 256))
  assert own == weights(1, 256, 10, width, layers)
  if width == 4096:
    assert own == total


def test_patterns_of_one_channel_and_of_three():
  net = AlexNet(classes=10, kind="modified", width=256, norm="response")
  first = [shapes(net, 64, 64, *channels)["params"]["Conv_0"]["kernel"].shape for channels in ((), (1,), (3,))]
  assert first == [(3, 3, 1, 64), (3, 3, 1, 64), (3, 3, 3, 64)]


def test_the_two_halves_of_a_grouped_layer_do_not_see_each_other():
  layer = alexnet.MODIFIED[1]

  class Grouped(AlexNet):
    @alexnet.nn.compact
    def __call__(self, x):
      return self.convolve(x, layer)

  net = Grouped(classes=2, kind="modified", width=4, norm="response")
  x = np.random.default_rng(0).normal(size=(1, 6, 6, 64)).astype(np.float32)
  variables = drawn(net, x)
  before, after = (np.asarray(applied(net, variables, y)) for y in (x, x + (np.arange(64) < 32).astype(np.float32)))
  changed = np.abs(after - before).max((0, 1, 2)) > 1e-6
  assert changed[:16].all()
  assert not changed[16:].any()


def test_a_response_is_damped_by_its_two_neighbours_on_each_side():
  x = np.abs(np.random.default_rng(0).normal(0, 50, (1, 1, 1, 9))).astype(np.float32)
  energy = [sum(float(x[0, 0, 0, j]) ** 2 for j in range(max(0, i - 2), min(8, i + 2) + 1)) for i in range(9)]
  expected = x[0, 0, 0] / (2 + 1e-4 * np.array(energy)) ** 0.75
  np.testing.assert_allclose(alexnet.respond(jnp.asarray(x))[0, 0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("norm", alexnet.NORMS)
def test_dropout_only_trains_and_each_pattern_is_named_alone(norm):
  net = AlexNet(classes=3, kind="modified", width=32, norm=norm)
  patterns = noise(4, 64).astype(np.float16)
  variables = drawn(net, patterns)
  feature, logits = applied(net, variables, patterns)
  assert feature.shape == (4, 32)
  assert logits.dtype == feature.dtype == jnp.float32
  np.testing.assert_allclose(applied(net, variables, patterns[2:3])[1][0], logits[2], atol=1e-5)
  trained = jax.jit(partial(net.apply, train=True, mutable=["batch_stats"]))
  first, second = (trained(variables, patterns, rngs={"dropout": jax.random.key(k)})[0][0] for k in (1, 2))
  assert float((first == 0).mean()) > 0.4
  assert float(jnp.abs(first - second).max()) > 0


def test_a_new_network_passes_the_signal_on():
  for kind, side in (("modified", 64), ("default", 128)):
    patterns = noise(2, side) / alexnet.SCALE
    net = AlexNet(classes=3, kind=kind, width=64, norm="response")
    (_, logits), _ = jax.jit(net.init_with_output)(jax.random.key(0, impl="rbg"), patterns)  # Quicker to compile.
    assert float(jnp.abs(logits).max()) > 0.01


@pytest.mark.parametrize("setting", [{"kind": "large"}, {"norm": "group"}])
def test_unknown_kinds_are_refused(setting):
  net = AlexNet(**({"classes": 3, "kind": "modified", "width": 8, "norm": "batch"} | setting))
  with pytest.raises(ValueError, match="AlexNet is default or modified with norm response or batch"):
    shapes(net, 64, 64)


def test_patterns_that_are_too_small_are_refused():
  with pytest.raises(ValueError, match="does not fit into a map"):
    shapes(AlexNet(classes=3, kind="default", width=8, norm="response"), 64, 64)
