"""Scene -> light on the sensor: viewpoint, distortion, lateral chromatic aberration, blur, vignetting, flare.

Shapes: n side of the scene's canvas, h w sensor pixels. Everything is linear light.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.ndimage
from jaxtyping import Float

FRAME = 0.74  # Share of the canvas's side that a frame's longer side covers at scale 1; the rest is room to move.


@dataclass(frozen=True)
class Lens:
  """A model's lens.

  Attributes:
    blur: standard deviation of the point spread function in focus, sensor pixels.
    vignetting: light lost in the farthest corner at full aperture, 0..1 (cos^4 law; Goldman 2010).
    aberration: magnification of red and of blue relative to green, minus 1 (Johnson & Farid 2006).
    distortion: relative radial displacement at the farthest corner, positive for barrel (Brown 1971, first term).
    flare: share of the light that is spread evenly over the frame.
  """

  blur: float
  vignetting: float
  aberration: tuple[float, float]
  distortion: float
  flare: float


@dataclass(frozen=True)
class View:
  """Where the camera stands for one shot.

  Attributes:
    shift: displacement (down, right) as a share of the frame's longer side.
    rotation: radians, without the quarter turns.
    scale: size of the frame on the scene, 1 is nominal, smaller is nearer.
    turns: quarter turns of the camera, 0 landscape, 1 or 3 portrait.
  """

  shift: tuple[float, float]
  rotation: float
  scale: float
  turns: int


def project(
  canvas: Float[np.ndarray, "3 n n"], lens: Lens, view: View, height: int, width: int, defocus: float, aperture: float
) -> Float[np.ndarray, "3 h w"]:
  """The scene as it falls on the sensor of height x width pixels.

  Args:
    canvas: the scene.
    lens: the model's lens.
    view: the shot's viewpoint.
    height: rows of the sensor.
    width: columns of the sensor.
    defocus: additional blur of the shot, standard deviation in pixels.
    aperture: 1 for full aperture, 0 where it is stopped down so far that vignetting vanishes.
  """
  y, x, radius = grid(height, width)
  n = canvas.shape[1]
  pixel = n * FRAME * view.scale / max(height, width)  # Canvas pixels per sensor pixel.
  angle = view.rotation + view.turns * np.pi / 2
  c, s = np.float32(np.cos(angle) * pixel), np.float32(np.sin(angle) * pixel)
  bent = 1 + np.float32(lens.distortion) * radius
  down, right = (c * y + s * x) * bent, (c * x - s * y) * bent
  middle = [n * (0.5 + FRAME * shift) for shift in view.shift]
  blur = float(np.hypot(lens.blur, defocus))
  fall = 1 - np.float32(lens.vignetting * aperture) * radius * (2 - radius)
  light = np.empty((3, height, width), np.float32)
  for plane, grown in enumerate((1 + lens.aberration[0], 1.0, 1 + lens.aberration[1])):
    at = np.stack([down * np.float32(grown) + np.float32(middle[0]), right * np.float32(grown) + np.float32(middle[1])])
    seen = scipy.ndimage.map_coordinates(canvas[plane], at, np.float32, order=1, mode="mirror", prefilter=False)
    light[plane] = scipy.ndimage.gaussian_filter(seen, blur, truncate=3.0, mode="mirror") * fall
  veil = light.mean((1, 2), keepdims=True)
  return light * np.float32(1 - lens.flare) + np.float32(lens.flare) * veil


@lru_cache(maxsize=8)
def grid(
  height: int, width: int
) -> tuple[Float[np.ndarray, "h 1"], Float[np.ndarray, "1 w"], Float[np.ndarray, "h w"]]:
  """Rows and columns from the optical centre (pixels), and the squared radius (1 in the farthest corner)."""
  y = np.arange(height, dtype=np.float32)[:, None] - np.float32((height - 1) / 2)
  x = np.arange(width, dtype=np.float32)[None] - np.float32((width - 1) / 2)
  square = y * y + x * x
  return y, x, square / square.max()
