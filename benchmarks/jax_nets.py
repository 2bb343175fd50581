"""The nets of fsim with fsim's own training step, as they are or with single cures for the CPU left out."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int, UInt8

from benchmarks.setting import Setting
from fsim import cpu
from fsim.data.loader import Batch
from fsim.models import alexnet, extractors, mislnet, mobile
from fsim.models.constrained import constrain
from fsim.models.pool import Padding
from fsim.train import classify, loop, mesh, optimisers, step

Tree = dict[str, Any]
NETS = {
  "signature": extractors.SignatureNet,
  "patch": extractors.PatchNet,
  "misl": partial(mislnet.MislNet, colours="green", truncation=0.0, last_pool="max"),
  "mobile": partial(mobile.PhoneNet, kind="phones", depth=2, activation="leaky_relu", dropout=0.5),
  "alexnet": partial(alexnet.AlexNet, kind="modified", width=4096, norm="response"),
}


def plain_max_pool(
  x: Float[Array, "b h w c"], window: int, stride: int, padding: Padding = "VALID"
) -> Float[Array, "b i j c"]:
  return nn.max_pool(x, (window, window), (stride, stride), padding)


class Runner:
  """One net with its optimiser and a batch, ready to be timed."""

  def __init__(
    self,
    setting: Setting,
    variant: str,
    weights: Tree | None,
    images: UInt8[np.ndarray, "b h w 3"] | Float[np.ndarray, "b h w"],
    labels: Int[np.ndarray, " b"],
  ):
    """variant: "fsim", -CURE for each cure that is left out, +bf16 and +highest for other arithmetic."""
    name, *without = variant.split("-")
    if "pool" in without:
      for module in (alexnet, extractors, mislnet, mobile):
        module.max_pool = plain_max_pool
      mislnet.POOLS["max"] = plain_max_pool
    if "convolution" in without:
      cpu.compiler_options = dict
    if "memory" not in without:
      cpu.keep_memory()
    options = name.split("+")[1:]
    self.dtype = jnp.bfloat16 if "bf16" in options else jnp.float32
    self.precision = "highest" if "highest" in options else None  # None: as JAX comes, which is TF32 on such a GPU.
    self.net = NETS[setting.net](classes=setting.classes, dtype=self.dtype)
    layout = mesh.layout()
    self.batch = mesh.put(Batch(images, labels), layout.data_parallel)
    variables = jax.jit(self.net.init)(jax.random.key(0), images[:1])
    self.weights = jax.tree.map(np.asarray, variables["params"]) if weights is None else weights
    optimiser = optimisers.sgd(setting.learning_rate, setting.momentum, setting.decay)
    fresh = step.start(dict(variables, params=self.weights), optimiser)
    self.state = mesh.put(jax.tree.map(np.asarray, fresh), layout.replicated)
    self.loss = classify.classification_loss(self.net)
    once = step.update(self.loss, optimiser, constrain, seed=0)
    self.steps = step.training_steps(once, lambda stored, handed: handed, layout)
    self.together = loop.together()  # Steps that a call of `train` makes.
    self.infer = jax.jit(self._infer, compiler_options=cpu.compiler_options())
    self.square = jax.jit(lambda a: a @ a)
    self.factor = jnp.ones((setting.matmul, setting.matmul), self.dtype)
    self.pending: Any = None

  def _infer(self, params: Tree, stats: Tree, images: Array) -> Float[Array, "b n"]:
    return self.net.apply({"params": params, "batch_stats": stats}, images)[1]

  def answers(self) -> Tree:
    """Logits (with running statistics), then loss and gradients (with those of the batch)."""
    with jax.default_matmul_precision(self.precision):
      return self._answers()

  def _answers(self) -> Tree:
    params, stats = self.state.params, self.state.stats
    gradient = jax.jit(jax.value_and_grad(self.loss, has_aux=True), compiler_options=cpu.compiler_options())
    (loss, _), gradients = gradient(params, stats, self.batch, jax.random.key(0))
    logits = self.infer(params, stats, self.batch.images)
    return {"logits": np.asarray(logits), "loss": float(loss), "gradients": jax.tree.map(np.asarray, gradients)}

  def flops(self) -> float:
    """Of one training step, as XLA counts them before it optimises (with a GPU it only counts compiled code)."""
    lowered = self.steps.lower(self.state, (), [self.batch])
    return float((lowered.cost_analysis() or lowered.compile().cost_analysis())["flops"])

  def forward(self) -> None:
    with jax.default_matmul_precision(self.precision):
      self.pending = self.infer(self.state.params, self.state.stats, self.batch.images)

  def train(self) -> None:
    with jax.default_matmul_precision(self.precision):
      self.state, self.pending = self.steps(self.state, (), [self.batch] * self.together)

  def matmul(self) -> None:
    self.pending = self.square(self.factor)

  def wait(self) -> None:
    jax.block_until_ready(self.pending)
