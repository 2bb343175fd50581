import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from fsim.data.loader import Batch
from fsim.train import classify, mesh
from fsim.train.step import sgd, start


class Net(nn.Module):
  @nn.compact
  def __call__(self, images, train: bool = False):
    x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(images.astype(jnp.float32))
    x = x.mean((1, 2))
    return x, nn.Dense(3)(x)


def test_settled_statistics_are_those_of_the_data():
  layout, net = mesh.layout(), Net()
  rng = np.random.default_rng(0)
  batches = [
    mesh.put(Batch(rng.normal(100, 7, (8, 6, 6, 3)).astype(np.float32), np.zeros(8, np.int32)), layout.by_example)
    for _ in range(40)
  ]
  optimiser = sgd(learning_rate=0.1, momentum=0.0, decay=0.0)
  state = start(net.init(jax.random.key(0), jnp.zeros((1, 6, 6, 3))), optimiser)
  settled = classify.settle(net, mesh.put(state, layout.everywhere), batches, layout)
  stats = settled.stats["BatchNorm_0"]
  np.testing.assert_allclose(stats["mean"], 100, rtol=0.03)
  np.testing.assert_allclose(stats["var"], 49, rtol=0.1)
  for before, after in zip(jax.tree.leaves(state.params), jax.tree.leaves(settled.params), strict=True):
    np.testing.assert_array_equal(before, after)
