"""Patches of 16 to 128 pixels, as many of an image, ten folds each.

  fsim sweep configs/sweeps/mobile_patch_size.py --workdir=runs/mobile-patch-size

Of bright images, fewer of the largest patches are usable.
"""

from collections.abc import Iterator

CONFIG = "configs/mobile.py"
MEASURES = ("patches", "images, mean softmax", "images, majority")
SATURATED = 0.1  # A large patch is rarely without a saturated pixel.
COUNT = 24  # Patches an image.


def sweep() -> Iterator[dict]:
  for size in (16, 32, 64, 128):
    for fold in range(10):
      yield {
        "input.size": size,
        "input.stride": size,
        "input.count": COUNT,
        "input.saturated": SATURATED,
        "data.fold": fold,
      }
