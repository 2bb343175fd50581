import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from fsim.data.loader import Batch
from fsim.train import classify, mesh
from fsim.train.classify import Labelled
from fsim.train.feed import Cuts
from fsim.train.optimisers import sgd
from fsim.train.schedule import Schedule
from fsim.train.step import start
from tests import contexts


class Net(nn.Module):
  @nn.compact
  def __call__(self, images, train: bool = False):
    x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(images.astype(jnp.float32))
    x = x.mean((1, 2))
    return x, nn.Dense(3)(x)


def test_settled_statistics_are_those_of_the_data():
  layout, net = mesh.layout(), Net()
  rng = np.random.default_rng(0)
  batches = [Batch(rng.normal(100, 7, (8, 6, 6, 3)).astype(np.float32), np.zeros(8, np.int32)) for _ in range(40)]
  optimiser = sgd(0.1, 0.0, 0.0)
  state = start(net.init(jax.random.key(0), jnp.zeros((1, 6, 6, 3))), optimiser)
  cuts, state = Cuts(None, None, None), mesh.put(state, layout.replicated)
  recalibrated = classify.recalibrate_batch_norm(net, state, cuts, batches, layout)
  stats = recalibrated.stats["BatchNorm_0"]
  np.testing.assert_allclose(stats["mean"], 100, rtol=0.03)
  np.testing.assert_allclose(stats["var"], 49, rtol=0.1)
  for before, after in zip(jax.tree.leaves(state.params), jax.tree.leaves(recalibrated.params), strict=True):
    np.testing.assert_array_equal(before, after)


def test_the_learning_rate_is_halved_every_so_many_epochs(tmp_path):
  images = np.zeros((12, 6, 6, 3), np.float32)
  context = contexts.made(tmp_path)
  cuts = Cuts(
    context, lambda example, rng: Batch(images[example[0]], np.asarray(example[1], np.int32)), lambda row: images[row]
  )
  some = Labelled(np.arange(12), (np.arange(12) % 3).astype(np.int32))
  training = Schedule(4, 3, "sgd", learning_rate=0.1, momentum=0.0, decay=0.0, halve_lr_every=2)
  phase = classify.phase(Net(), cuts, some, some, training, context)
  assert phase.steps_in_epoch == 3
  params = {"w": jnp.ones(2)}
  state, sizes = phase.optimiser.init(params), []
  for _ in range(13):
    updates, state = phase.optimiser.update({"w": jnp.ones(2)}, state, params)
    sizes.append(-float(updates["w"][0]))
  np.testing.assert_allclose(sizes, [0.1] * 6 + [0.05] * 6 + [0.025], rtol=1e-6)
