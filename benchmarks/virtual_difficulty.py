"""python -m benchmarks.virtual_difficulty FOLDER [--steps 3000] [--fold 0]

How hard are virtual cameras for the `patch` network (Bondi et al. 2017)? It learns camera models from 64x64 patches,
and is tested on patches of devices and scenes that it never saw; then it learns devices, on scenes kept apart, and is
asked which of two devices of one model took a patch of unseen scenes. Published optimiser, but for the number of steps.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd
from jaxtyping import Float, Int, UInt8
from tqdm import trange

from fsim import cpu
from fsim.data import jpeg, loader, source, splits
from fsim.data.source import Images
from fsim.models.extractors import PatchNet, with_mean

SIDE, BATCH, PER_IMAGE = 64, 128, 16


def patches(
  images: Images, rows: Int[np.ndarray, " n"], count: int, rng: np.random.Generator
) -> UInt8[np.ndarray, "m 64 64 3"]:
  """`count` patches at random places of each image, image by image."""
  cut = []
  for row in rows:
    image = jpeg.decode(images.records[int(row)])
    cut += [loader.random_crop(image, SIDE, rng) for _ in range(count)]
  return np.stack(cut)


def train(
  x: UInt8[np.ndarray, "m 64 64 3"], labels: Int[np.ndarray, " m"], classes: int, steps: int, name: str
) -> tuple[PatchNet, dict]:
  net = PatchNet(classes=classes)
  variables = with_mean(net.init(jax.random.key(0), jnp.asarray(x[:1])), x.mean(0, dtype=np.float32))
  params, stats = variables["params"], variables["batch_stats"]
  rate = optax.exponential_decay(0.015, steps // 5, 0.5, staircase=True)
  optimiser = optax.chain(optax.add_decayed_weights(7.5e-3), optax.sgd(rate, 0.9))

  def step(params, opt, images, target):
    def loss(params):
      _, logits = net.apply({"params": params, "batch_stats": stats}, images)
      return optax.softmax_cross_entropy_with_integer_labels(logits, target).mean()

    value, grads = jax.value_and_grad(loss)(params)
    updates, opt = optimiser.update(grads, opt, params)
    return optax.apply_updates(params, updates), opt, value

  once = jax.jit(step, donate_argnums=(0, 1), compiler_options=cpu.compiler_options())
  opt, rng, recent = optimiser.init(params), np.random.default_rng(0), []
  bar = trange(steps, desc=name, unit="step")
  for k in bar:
    chosen = rng.integers(len(x), size=BATCH)
    params, opt, value = once(params, opt, x[chosen], labels[chosen])
    recent.append(value)
    if k % 50 == 49:
      bar.set_postfix(loss=f"{np.mean(recent[-50:]):.3f}")
  return net, {"params": params, "batch_stats": stats}


def predict(net: PatchNet, variables: dict, x: UInt8[np.ndarray, "m 64 64 3"]) -> Float[np.ndarray, "m n"]:
  forward = jax.jit(lambda images: net.apply(variables, images)[1], compiler_options=cpu.compiler_options())
  return np.concatenate([forward(x[k : k + 256]) for k in range(0, len(x), 256)])


def accuracies(images: Images, split: splits.Split, column: str, arguments: argparse.Namespace) -> pd.Series:
  """Per-patch accuracy, per-image accuracy by the sum of logits, and accuracy between devices of the right model."""
  rng = np.random.default_rng(0)
  table = images.table
  names = sorted(table[column].unique())
  labels = table[column].map({name: k for k, name in enumerate(names)}).to_numpy()
  x = patches(images, split["train"], arguments.patches, rng)
  net, variables = train(x, np.repeat(labels[split["train"]], arguments.patches), len(names), arguments.steps, column)
  test = split["test"]
  logits = predict(net, variables, patches(images, test, PER_IMAGE, rng))
  voted = logits.reshape(len(test), PER_IMAGE, -1).sum(1).argmax(1)
  found = {
    "patch": (logits.argmax(1) == np.repeat(labels[test], PER_IMAGE)).mean(),
    "image": (voted == labels[test]).mean(),
  }
  if column == "device":
    model = table.drop_duplicates("device").set_index("device")["model"]
    own = model[names].to_numpy() == np.repeat(table["model"].to_numpy()[test], PER_IMAGE)[:, None]
    among = np.where(own, logits, -np.inf).argmax(1)
    found["between siblings"] = (among == np.repeat(labels[test], PER_IMAGE)).mean()
  return pd.Series(found, name=column)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("folder", help="a collection made by python -m fsim.simulate")
  parser.add_argument("--steps", type=int, default=3000, help="of 128 patches")
  parser.add_argument("--patches", type=int, default=64, help="training patches an image")
  parser.add_argument("--fold", type=int, default=0, help="of scene_instance")
  arguments = parser.parse_args()
  cpu.keep_memory()
  images = source.open_folder(arguments.folder)
  table = images.table
  unseen = splits.scene_instance(table, arguments.fold)
  known = splits.by_scene(table, seed=0, validation=0.1, test=0.2)
  rows = [accuracies(images, unseen, "model", arguments), accuracies(images, known, "device", arguments)]
  print(pd.DataFrame(rows).round(3).to_string(na_rep=""))


if __name__ == "__main__":
  main()
