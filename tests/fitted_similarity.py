"""Forensic similarity without training: an untrained network, and a pair network set by hand to tell textures."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from fsim.models.constrained import KERNEL, constrain
from fsim.systems.model import fitted
from fsim.systems.model.fitted import FittedSimilarity

SIZE = 72
SURE = 8.0  # Logit of two patches of one texture, about; of two it is -SURE.


def texture(kind, h, w, seed=0):
  """Grain of one of two kinds, "fine" (single pixels) or "coarse" (dots of 2x2), about a middle grey."""
  rng = np.random.default_rng(seed)
  if kind == "fine":
    grain = rng.normal(0, 20, (h, w))
  else:
    grain = rng.normal(0, 20, (-(-h // 2), -(-w // 2))).repeat(2, 0).repeat(2, 1)[:h, :w]
  return np.clip(128 + grain, 0, 254).astype(np.uint8)[..., None].repeat(3, -1)


def tiles(kind, seed):
  sheet = texture(kind, 4 * SIZE, 4 * SIZE, seed)
  return sheet.reshape(4, SIZE, 4, SIZE, 3).transpose(0, 2, 1, 3, 4).reshape(16, SIZE, SIZE, 3)


def drawn(rng, path, like):
  """A parameter as `init` would draw it, without compiling that."""
  if path[-1].key == KERNEL:
    return rng.uniform(0, 1, like.shape).astype(np.float32)
  if len(like.shape) > 1:
    return rng.uniform(-1, 1, like.shape).astype(np.float32) * np.float32((3 / np.prod(like.shape[:-1])) ** 0.5)
  return np.full(like.shape, path[-1].key in ("scale", "var"), np.float32)


@cache
def made():
  """Its pair layer has |a - b| of the features' component along which the textures differ, 0 for fine, 1 for coarse."""
  seen = {
    "count": 32,
    "colours": "green",
    "truncation": 0.0,
    "last_pool": "max",
    "constrained": True,
    "block_shares": False,
    "classes": 3,
    "tile_front": "residual",
    "variables": {},
    "tiles": {},
  }
  pair = {
    "kind": "network",
    "hidden": 1,
    "width": 2,
    "product": False,
    "scorer": {},
    "zero": 0.0,
    "scatter": 0.0,
    "entropy": 2.0,
    "saturated": 0.5,
    "threshold": 0.5,
    "limit": 0.5,
    "dtype": "float32",
  }
  start = FittedSimilarity(size=SIZE, **seen, **pair)
  net = fitted.network(start)
  shapes = jax.eval_shape(lambda: net.init(jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 3), jnp.uint8)))
  rng = np.random.default_rng(0)
  drawn_all = jax.tree_util.tree_map_with_path(partial(drawn, rng), shapes)
  start = start._replace(variables=jax.tree.map(np.asarray, constrain(jax.tree.map(jnp.asarray, drawn_all))))
  fine, coarse = (fitted.features(start, tiles(kind, seed=7)).mean(0) for kind in ("fine", "coarse"))
  along = (coarse - fine) / np.sum((coarse - fine) ** 2)
  params = {
    "shared": {"kernel": along[:, None], "bias": np.array([-along @ fine])},
    "shared_slope": np.ones(1),
    "pair_first": {"kernel": np.array([[1.0, -1.0]]), "bias": np.zeros(2)},
    "pair_second": {"kernel": np.array([[-1.0, 1.0]])},
    "pair_slope": np.zeros(2),
    "same_source": {"kernel": np.full((2, 1), -2 * SURE), "bias": np.array([SURE])},
  }
  return start._replace(scorer={"params": jax.tree.map(np.float32, params)})
