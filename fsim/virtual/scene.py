"""Procedural scenes in linear light: square canvases of red, green, blue; 1 is a white surface in full light.

A scene is a function of (seed, position, motive) alone: every camera sees the same one, from its own viewpoint.
They are collages of occluding textured things with natural size and contrast laws (Lee, Mumford & Huang 2001).
"""

import numpy as np
from jaxtyping import Float

from fsim.virtual import indoors, outdoors, texture
from fsim.virtual.layers import compose
from fsim.virtual.objects import Stuff
from fsim.virtual.seeds import generator

KINDS = (
  outdoors.landscape,
  outdoors.facade,
  indoors.still_life,
  outdoors.foliage,
  outdoors.night,
  indoors.shelf,
  indoors.desk,
)


def render(seed: int, position: int, motive: int, n: int) -> Float[np.ndarray, "3 n n"]:
  """The scene of a position and motive; the motives of a position are of one kind."""
  kind = KINDS[position % len(KINDS)]
  rng = generator(seed, "scene", position, motive)
  stuff = Stuff(rng, n, texture.power_noise(rng, n, n, 1.0), texture.power_noise(rng, n, n, 1.7))
  background, patches = kind(stuff)
  canvas = compose(background, patches)
  # Light is never even: clouds, lamps, reflections. Its field is moved so that it does not follow the things.
  light = np.exp(np.float32(0.2) * np.roll(stuff.smooth, (n // 3, n // 5), (0, 1)))
  return np.maximum(canvas * light, np.float32(1e-4))
