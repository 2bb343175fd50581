"""python -m benchmarks.splicing --run=DIR [--photos=virtual/default] [--images 50] [--quality 90 75] [--json OUT]
python -m benchmarks.splicing --run=DIR --smooth .7 .85 --share .25 .4

How well does a run of configs/model.py find what was pasted into a photograph? Regions of known outline go from
photographs of one camera model into those of another, at a place that ignores the JPEG grid, and the result is mapped
as `python -m fsim.splice` does without a reference: as it is, and compressed again. The same photographs without a
splice tell how well the score of the whole image parts the two. Photos are a folder or a preset, of camera models that
the run was not trained on.

With --smooth the upper part of each host is blown out, as a sky may be, and the region is pasted there: most patches
that can be judged then lie in what was pasted. How often is there no statement, and how often does a map point at the
wrong part, marking more of the host than of what was pasted; and how often would it, if a statement were always made?
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt8
from sklearn.metrics import roc_auc_score

from fsim import cpu
from fsim.boundary import progress
from fsim.data import jpeg, patches
from fsim.data.loader import JPEG_GRID
from fsim.data.source import Images
from fsim.data.sources import open_source
from fsim.systems.model import fitted, splicing
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.localization import Found, localise
from fsim.systems.model.patchmap import NoStatement
from fsim.systems.model.splicing import Splicing, Undecided
from fsim.virtual import splice
from fsim.virtual.seeds import generator

STEP = 4  # Every so many-th pixel is judged, in rows and columns.
ORIGINAL = "as it is"
LARGEST = 0.49  # Share of the place that a region may fill.
OUTCOMES = "marks more of what was pasted", "marks more of the photograph itself", "nothing marked", "no statement"
RIGHT, WRONG, NOTHING, SILENT = OUTCOMES
RESAMPLES, LEVEL = 1000, 0.95


class Case(NamedTuple):
  """A photograph, the same with something pasted, and where."""

  host: UInt8[np.ndarray, "h w 3"]
  spliced: UInt8[np.ndarray, "h w 3"]
  mask: Bool[np.ndarray, "h w"]


def cases(
  images: Images, count: int, side: int, shares: tuple[float, float], seed: int, smooth: tuple[float, float] | None
) -> Iterator[Case]:
  """Number k is fixed by the seed and k. Hosts and donors are natural photographs of different camera models.

  smooth: share of the host that is blown out, from to; the region is pasted there.
  """
  natural = np.flatnonzero(images.table["subset"] == "natural")
  models = images.table["model"].to_numpy()[natural]
  if len(set(models)) < 2:
    raise ValueError("a splice needs natural photographs of two camera models")
  for k in range(count):
    rng = generator(seed, "splice", k)
    first = int(rng.integers(len(models)))
    second = int(rng.choice(np.flatnonzero(models != models[first])))
    host, donor = (crop(jpeg.decode(images.records[row]), side) for row in natural[[first, second]])
    height, share = len(host), float(rng.uniform(*shares))
    if smooth:
      height = int(rng.uniform(*smooth) * len(host)) // JPEG_GRID * JPEG_GRID
      host[:height] = patches.MAXIMUM
    mask = np.zeros(host.shape[:2], bool)
    mask[:height] = splice.region(rng, height, host.shape[1], min(share * len(host) / height, LARGEST))
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if np.ptp(rows) < donor.shape[0] and np.ptp(columns) < donor.shape[1]:
      yield Case(host, splice.paste(rng, host, donor, mask), mask)


def crop(image: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "a b 3"]:
  """The middle, at most `side` pixels a side, on the JPEG grid."""
  top, left = (max(0, length - side) // 2 // JPEG_GRID * JPEG_GRID for length in image.shape[:2])
  return image[top : top + side, left : left + side]


def compared(known: FittedSimilarity, pixels: UInt8[np.ndarray, "h w 3"]) -> tuple[Splicing | None, bool]:
  """What the patches gave, if anything, and whether a statement is made."""
  try:
    return splicing.analyse(known, pixels), True
  except Undecided as error:
    return error.compared, False
  except NoStatement:
    return None, False


def outcome(found: Splicing | None, said: bool, pasted: Bool[np.ndarray, "h w"]) -> str:
  """One of OUTCOMES."""
  if found is None or not said:
    return SILENT
  if not found.mask.any():
    return NOTHING
  return RIGHT if 2 * (found.mask & pasted).sum() >= found.mask.sum() else WRONG


def judged(known: FittedSimilarity, case: Case, quality: int | None) -> dict[str, Any]:
  """Outcomes; localisation in the spliced image, and both images' scores, where of both something is said."""
  shown = [case.host, case.spliced]
  if quality is not None:
    shown = [jpeg.decode(splice.compress(pixels, quality)) for pixels in shown]
  (whole, whole_said), (spliced, said) = (compared(known, pixels) for pixels in shown)
  row = {
    "authentic": outcome(whole, whole_said, np.zeros_like(case.mask)),
    "outcome": outcome(spliced, said, case.mask),
    "always": outcome(spliced, True, case.mask),
  }
  if not (whole_said and said):
    return row
  heat, mask, truth = (x[::STEP, ::STEP] for x in (spliced.heat, spliced.mask, case.mask))
  row |= localise(heat, mask, truth)._asdict() | {"whole": whole.score, "spliced": spliced.score}
  return row | {"falsely_marked": float(whole.mask.mean())}


def interval(values: Float[np.ndarray, " n"]) -> str:
  """Mean and 95 % bootstrap interval over images; what has no value is left out."""
  values = values[~np.isnan(values)]
  drawn = np.random.default_rng(0).choice(values, (RESAMPLES, len(values))).mean(1)
  low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
  return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def line(rows: pd.DataFrame) -> dict[str, Any]:
  rows = rows.dropna(subset="whole")
  truth = np.repeat([False, True], len(rows))
  shown = {name: interval(rows[name].to_numpy(float)) for name in (*Found._fields, "falsely_marked")}
  image_auc = roc_auc_score(truth, np.concatenate([rows["whole"], rows["spliced"]]))
  return {"images": len(rows)} | shown | {"image_auc": f"{image_auc:.3f}"}


def counts(rows: pd.DataFrame) -> dict[str, int]:
  """How often what came of the splices, of the same were a statement always made, and of photographs without one."""
  named = {"spliced": "outcome", "spliced, always a statement": "always", "without a splice": "authentic"}
  return {
    f"{kind}: {what}": int((rows[column] == what).sum())
    for kind, column in named.items()
    for what in OUTCOMES
    if (kind, what) != ("without a splice", RIGHT)
  }


def show(table: pd.DataFrame, options: argparse.Namespace) -> None:
  parts = dict(list(table.groupby("compressed", sort=False)))
  print(pd.DataFrame({name: counts(part) for name, part in parts.items()}).to_string())
  if options.smooth:
    return
  if "whole" not in table:
    raise SystemExit(f"no statement about any of {options.images} images: too small for the patches, or too flat")
  print(
    f"{options.images} splices asked for; means over images in which a statement is made, 95 % intervals over images"
  )
  lines = {name: line(part) for name, part in parts.items() if part["whole"].notna().any()}
  print(pd.DataFrame(lines).to_string())


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--run", type=Path, required=True, help="a finished run of configs/model.py")
  parser.add_argument("--photos", default="virtual/default", help="folder or preset")
  parser.add_argument("--images", type=int, default=50)
  parser.add_argument("--side", type=int, default=1024, help="pixels a side that are cut from larger photographs")
  parser.add_argument("--share", type=float, nargs=2, default=(0.05, 0.3), help="of the image that is pasted, from to")
  parser.add_argument("--smooth", type=float, nargs=2, help="share of the host that is blown out, from to")
  parser.add_argument("--quality", type=int, nargs="*", default=[90, 75], help="of compressing again")
  parser.add_argument("--seed", type=int, default=0)
  parser.add_argument("--json", type=Path, help="file for the values of all images")
  options = parser.parse_args()
  cpu.keep_memory()
  known = fitted.load(options.run / "predictor")
  images = open_source(options.photos, data_dir=None, on_error="skip", merge_d70=True, repair_mju=True, pattern=None)
  rows = []
  made = cases(images, options.images, options.side, tuple(options.share), options.seed, options.smooth)
  for number, case in enumerate(progress.bar(made, total=options.images, desc="splices", unit="image")):
    rows += [
      {"image": number, "compressed": str(quality or ORIGINAL)} | judged(known, case, quality)
      for quality in (None, *options.quality)
    ]
  table = pd.DataFrame(rows)
  if not len(table):
    raise SystemExit(f"none of {options.images} splices can be made: the photographs are too small")
  show(table, options)
  if options.json:
    options.json.write_text(table.to_json(orient="records", indent=1))


if __name__ == "__main__":
  main()
