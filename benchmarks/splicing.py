"""python -m benchmarks.splicing --run=DIR [--photos=virtual/default] [--images 50] [--quality 90 75] [--json OUT]

How well does a run of configs/model.py find what was pasted into a photograph? Regions of known outline go from
photographs of one camera model into those of another, at a place that ignores the JPEG grid, and the result is mapped
as `python -m fsim.splice` does without a reference: as it is, and compressed again. The same photographs without a
splice tell how well the score of the whole image parts the two. Photos are a folder or a preset, of camera models that
the run was not trained on.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt8
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from fsim import cpu
from fsim.data import jpeg
from fsim.data.loader import JPEG_GRID
from fsim.data.opening import open_source
from fsim.data.source import Images
from fsim.data.virtual import splice
from fsim.data.virtual.seeds import generator
from fsim.evaluate import comparer, splicing
from fsim.evaluate.comparer import Comparer
from fsim.evaluate.localising import Found, localise

STEP = 4  # Every so many-th pixel is judged, in rows and columns.
ORIGINAL = "as it is"
RESAMPLES, LEVEL = 1000, 0.95


class Case(NamedTuple):
  """A photograph, the same with something pasted, and where."""

  host: UInt8[np.ndarray, "h w 3"]
  spliced: UInt8[np.ndarray, "h w 3"]
  mask: Bool[np.ndarray, "h w"]


def cases(images: Images, count: int, side: int, shares: tuple[float, float], seed: int) -> Iterator[Case]:
  """Number k is fixed by the seed and k. Hosts and donors are natural photographs of different camera models."""
  natural = np.flatnonzero(images.table["subset"] == "natural")
  models = images.table["model"].to_numpy()[natural]
  if len(set(models)) < 2:
    raise ValueError("a splice needs natural photographs of two camera models")
  for k in range(count):
    rng = generator(seed, "splice", k)
    first = int(rng.integers(len(models)))
    second = int(rng.choice(np.flatnonzero(models != models[first])))
    host, donor = (crop(jpeg.decode(images.records[row]), side) for row in natural[[first, second]])
    mask = splice.region(rng, *host.shape[:2], float(rng.uniform(*shares)))
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if np.ptp(rows) < donor.shape[0] and np.ptp(columns) < donor.shape[1]:
      yield Case(host, splice.paste(rng, host, donor, mask), mask)


def crop(image: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "a b 3"]:
  """The middle, at most `side` pixels a side, on the JPEG grid."""
  top, left = (max(0, length - side) // 2 // JPEG_GRID * JPEG_GRID for length in image.shape[:2])
  return image[top : top + side, left : left + side]


def judged(known: Comparer, case: Case, quality: int | None) -> dict[str, Any] | None:
  """Localisation in the spliced image, and both images' scores; None if nothing is said of one of them."""
  shown = [case.host, case.spliced]
  if quality is not None:
    shown = [jpeg.decode(splice.compress(pixels, quality)) for pixels in shown]
  try:
    whole, spliced = (splicing.analyse(known, pixels) for pixels in shown)
  except splicing.NoStatement:
    return None
  heat, mask, truth = (x[::STEP, ::STEP] for x in (spliced.heat, spliced.mask, case.mask))
  row = localise(heat, mask, truth)._asdict() | {"whole": whole.score, "spliced": spliced.score}
  return row | {"falsely_marked": float(whole.mask.mean())}


def interval(values: Float[np.ndarray, " n"]) -> str:
  """Mean and 95 % bootstrap interval over images; what has no value is left out."""
  values = values[~np.isnan(values)]
  drawn = np.random.default_rng(0).choice(values, (RESAMPLES, len(values))).mean(1)
  low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
  return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def line(rows: pd.DataFrame) -> dict[str, Any]:
  truth = np.repeat([False, True], len(rows))
  shown = {name: interval(rows[name].to_numpy(float)) for name in (*Found._fields, "falsely_marked")}
  image_auc = roc_auc_score(truth, np.concatenate([rows["whole"], rows["spliced"]]))
  return {"images": len(rows)} | shown | {"image_auc": f"{image_auc:.3f}"}


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--run", type=Path, required=True, help="a finished run of configs/model.py")
  parser.add_argument("--photos", default="virtual/default", help="folder or preset")
  parser.add_argument("--images", type=int, default=50)
  parser.add_argument("--side", type=int, default=1024, help="pixels a side that are cut from larger photographs")
  parser.add_argument("--share", type=float, nargs=2, default=(0.05, 0.3), help="of the image that is pasted, from to")
  parser.add_argument("--quality", type=int, nargs="*", default=[90, 75], help="of compressing again")
  parser.add_argument("--seed", type=int, default=0)
  parser.add_argument("--json", type=Path, help="file for the values of all images")
  options = parser.parse_args()
  cpu.keep_memory()
  known = comparer.load(options.run / "comparer")
  images = open_source(options.photos, data_dir=None, on_error="skip", merge_d70=True, repair_mju=True, pattern=None)
  rows = []
  made = cases(images, options.images, options.side, tuple(options.share), options.seed)
  for number, case in enumerate(tqdm(made, total=options.images, desc="splices", unit="image")):
    for quality in (None, *options.quality):
      row = judged(known, case, quality)
      if row is not None:
        rows.append({"image": number, "compressed": str(quality or ORIGINAL)} | row)
  if not rows:
    raise SystemExit(f"no statement about any of {options.images} images: they are smaller than the patches, or flat")
  table = pd.DataFrame(rows)
  print(
    f"{options.images} splices asked for; means over images in which a statement is made, 95 % intervals over images"
  )
  lines = {name: line(part) for name, part in table.groupby("compressed", sort=False)}
  print(pd.DataFrame(lines).to_string())
  if options.json:
    options.json.write_text(table.to_json(orient="records", indent=1))


if __name__ == "__main__":
  main()
