"""Raw mosaic -> red, green, blue at every pixel, by three published methods.

Every method works on an RGGB mosaic with a border; other filter orders are brought to it by the border's width.
Shapes: h w pixels (even), y x pixels of the bordered mosaic.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

BORDER = 10
Mosaic = Float[np.ndarray, "y x"]
Planes = Float[np.ndarray, "3 y x"]


def demosaic(raw: Float[np.ndarray, "h w"], bayer: str, method: str) -> Float[np.ndarray, "3 h w"]:
  """The three colours of a Bayer mosaic; `bayer` is the upper left 2x2, row by row, `method` a key of METHODS."""
  height, width = raw.shape
  if height % 2 or width % 2:
    raise ValueError(f"a Bayer mosaic has even sides, got {height}x{width}")
  row, column = divmod(bayer.index("R"), 2)
  bordered = np.pad(raw, ((BORDER + row, BORDER + row), (BORDER + column, BORDER + column)), mode="reflect")
  top, left = BORDER + row, BORDER + column
  return METHODS[method](bordered)[:, top : top + height, left : left + width]


def _moved(plane: Mosaic, down: int, right: int) -> Mosaic:
  """plane[y + down, x + right]; what wraps around stays in the border."""
  return np.roll(plane, (-down, -right), (0, 1))


def _combined(quarters: list[list[Mosaic]], phase: tuple[int, int], kernel: Float[np.ndarray, "5 5"]) -> Mosaic:
  """The 5x5 filter's answer at one of the four places of the 2x2 pattern, from its four quarter images."""
  answer = np.zeros_like(quarters[0][0])
  for i, j in zip(*np.nonzero(kernel), strict=True):
    y, x = phase[0] + int(i) - 2, phase[1] + int(j) - 2
    answer += np.float32(kernel[i, j]) * _moved(quarters[y % 2][x % 2], y // 2, x // 2)
  return answer


def _by_kernels(mosaic: Mosaic, cross: np.ndarray, along: np.ndarray, across: np.ndarray, corner: np.ndarray) -> Planes:
  """Kernels: green at red and blue (cross), red or blue at green (along its row, across), red at blue (corner)."""
  quarters = [[np.ascontiguousarray(mosaic[i::2, j::2]) for j in range(2)] for i in range(2)]
  planes = np.empty((3, *mosaic.shape), np.float32)
  kernels = {
    (0, 0): (None, cross, corner),
    (0, 1): (along, None, across),
    (1, 0): (across, None, along),
    (1, 1): (corner, cross, None),
  }
  for phase, of_colour in kernels.items():
    for colour, kernel in enumerate(of_colour):
      known = quarters[phase[0]][phase[1]]
      planes[colour, phase[0] :: 2, phase[1] :: 2] = known if kernel is None else _combined(quarters, phase, kernel)
  return planes


def _kernel(*rows: list) -> Float[np.ndarray, "5 5"]:
  return np.array(rows, np.float32)


_EMPTY = [0.0] * 5
BILINEAR = (
  _kernel(_EMPTY, [0, 0, 0.25, 0, 0], [0, 0.25, 0, 0.25, 0], [0, 0, 0.25, 0, 0], _EMPTY),
  _kernel(_EMPTY, _EMPTY, [0, 0.5, 0, 0.5, 0], _EMPTY, _EMPTY),
  _kernel(_EMPTY, [0, 0, 0.5, 0, 0], _EMPTY, [0, 0, 0.5, 0, 0], _EMPTY),
  _kernel(_EMPTY, [0, 0.25, 0, 0.25, 0], _EMPTY, [0, 0.25, 0, 0.25, 0], _EMPTY),
)
_ALONG = _kernel([0, 0, 0.5, 0, 0], [0, -1, 0, -1, 0], [-1, 4, 5, 4, -1], [0, -1, 0, -1, 0], [0, 0, 0.5, 0, 0]) / 8
MALVAR = (
  _kernel([0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]) / 8,
  _ALONG,
  _ALONG.T.copy(),
  _kernel([0, 0, -1.5, 0, 0], [0, 2, 0, 2, 0], [-1.5, 0, 6, 0, -1.5], [0, 2, 0, 2, 0], [0, 0, -1.5, 0, 0]) / 8,
)


def bilinear(mosaic: Mosaic) -> Planes:
  """Means of the two or four nearest pixels of the colour."""
  return _by_kernels(mosaic, *BILINEAR)


def malvar(mosaic: Mosaic) -> Planes:
  """Gradient-corrected linear interpolation (Malvar, He & Cutler 2004, figure 2)."""
  return _by_kernels(mosaic, *MALVAR)


def menon(mosaic: Mosaic) -> Planes:
  """Directional filtering with a posteriori decision, not refined (Menon, Andriani & Calvagno 2007, II and III)."""
  is_red, is_blue = np.zeros_like(mosaic, bool), np.zeros_like(mosaic, bool)
  is_red[::2, ::2] = is_blue[1::2, 1::2] = True
  is_green = ~(is_red | is_blue)
  guesses, costs = [], []
  for down, right in ((0, 1), (1, 0)):
    near = _moved(mosaic, down, right) + _moved(mosaic, -down, -right)
    far = _moved(mosaic, 2 * down, 2 * right) + _moved(mosaic, -2 * down, -2 * right)
    guess = np.where(is_green, mosaic, 0.5 * (mosaic + near) - 0.25 * far)
    chroma = mosaic - guess
    guesses.append(guess)
    costs.append(_activity(np.abs(chroma - _moved(chroma, 2 * down, 2 * right)), down, right))
  level = costs[1] >= costs[0]
  green = np.where(level, guesses[0], guesses[1])
  red, blue = (_colour_at_green(mosaic, green, is_green, own) for own in (is_red, is_blue))
  difference = red - blue
  side = 0.5 * (_moved(difference, 0, 1) + _moved(difference, 0, -1))
  above = 0.5 * (_moved(difference, 1, 0) + _moved(difference, -1, 0))
  difference = np.where(level, side, above)
  red, blue = np.where(is_blue, blue + difference, red), np.where(is_red, red - difference, blue)
  return np.stack([red, green, blue])


def _activity(change: Mosaic, down: int, right: int) -> Mosaic:
  """Change of the colour difference, weighted over a window of five lines along and across its direction (figure 4)."""
  total = 3 * (change + _moved(change, -2 * down, -2 * right))
  for side in (-2, 2):
    there = _moved(change, side * right, side * down)
    total += there + _moved(there, -2 * down, -2 * right)
  for side in (-1, 1):
    total += _moved(change, side * right - down, side * down - right)
  return total


def _colour_at_green(mosaic: Mosaic, green: Mosaic, is_green: np.ndarray, own: np.ndarray) -> Mosaic:
  """Red (or blue) where it was measured and at the green pixels beside or below those, by the difference to green."""
  difference = np.where(own, mosaic - green, np.float32(0))
  side = 0.5 * (_moved(difference, 0, 1) + _moved(difference, 0, -1))
  above = 0.5 * (_moved(difference, 1, 0) + _moved(difference, -1, 0))
  return np.where(own, mosaic, np.where(is_green, green + side + above, np.float32(0)))


METHODS: dict[str, Callable[[Mosaic], Planes]] = {"bilinear": bilinear, "malvar": malvar, "menon": menon}
