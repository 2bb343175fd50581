"""python -m benchmarks.splicing [--run=DIR] [--photos=virtual/default] [--images 50] [--quality 90 75] [--resize .75]
  [--originals=FOLDER] [--out=DIR] [--examples 6] [--json OUT]
python -m benchmarks.splicing --run=DIR --smooth .7 .85 --share .25 .4

How well does a run of configs/model.py find what was pasted into a photograph? Regions of known outline go from
photographs of one camera model into those of another, never of one scene, at a place that ignores the JPEG grid, and
the result is mapped as `fsim splice` does without a reference: as it is, compressed again, and resized and then
compressed at quality 90. The same photographs without a splice tell how well the score of the whole image parts the
two, and how much of them is marked. Photos are a folder or a preset (several: A,B), of camera models that the network
was not trained on. Without --run the weights that came with fsim answer. Intervals (95 %) are over devices, of hosts
and of donors; --originals are untouched photographs that are mapped whole.

--out gets the values of all images and the tables by model as CSV, and pictures of the first splices.

With --smooth the upper part of each host is blown out, as a sky may be, and the region is pasted there: most patches
that can be judged then lie in what was pasted. How often is there no statement, and how often does a map point at the
wrong part, marking more of the host than of what was pasted; and how often would it, if a statement were always made?
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from benchmarks.public_cameras import OTHER_NAMES
from fsim import cpu
from fsim.boundary import console, labels, outputs, progress, spreadsheet
from fsim.boundary.drawing import png, subplots
from fsim.boundary.errors import UserError
from fsim.commands import answering, options
from fsim.data import jpeg, patches, photographs, sources
from fsim.data.markers import JPEG_GRID
from fsim.data.source import Images
from fsim.metrics import rates
from fsim.systems.model import splicing
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.localization import Found, localise
from fsim.systems.model.patchmap import NoStatement
from fsim.systems.model.splicing import Splicing, Undecided
from fsim.virtual import postprocessing, splice
from fsim.virtual.seeds import generator

STEP = 4  # Every so many-th pixel is judged, in rows and columns.
ORIGINAL = "as it is"
LARGEST = 0.49  # Share of the place that a region may fill.
OUTCOMES = "marks more of what was pasted", "marks more of the photograph itself", "nothing marked", "no statement"
RIGHT, WRONG, NOTHING, SILENT = OUTCOMES
RESAMPLES, LEVEL = 1000, 0.95
RESIZED_QUALITY = 90  # Of the JPEG file that a resized photograph is saved to.
FIGURES = ("images", "auc", "f1", "image_auc", "falsely_marked")  # Of the tables by model.
MARK, TRUTH = "#00e5ff", "#ffffff"


class Case(NamedTuple):
  """A photograph, the same with something pasted, and where; and rows of the table of images that both come from."""

  host: UInt8[np.ndarray, "h w 3"]
  spliced: UInt8[np.ndarray, "h w 3"]
  mask: Bool[np.ndarray, "h w"]
  host_row: int
  donor_row: int


class Change(NamedTuple):
  """What happens to a photograph afterwards: a factor of both sides, then a JPEG file of a quality; None: neither."""

  factor: float | None
  quality: int | None

  def __str__(self) -> str:
    if self.factor:
      return f"resized by {self.factor:g}, {self.quality}"
    return str(self.quality or ORIGINAL)


def cases(
  images: Images, count: int, side: int, shares: tuple[float, float], seed: int, smooth: tuple[float, float] | None
) -> Iterator[Case]:
  """Number k is fixed by the seed and k. Hosts and donors are natural originals of different models and scenes.

  smooth: share of the host that is blown out, from to; the region is pasted there.
  """
  natural = np.flatnonzero((images.table["subset"] == "natural") & (images.table["platform"] == ""))
  models, scenes = (images.table[name].replace(OTHER_NAMES).to_numpy()[natural] for name in ("model", "scene"))
  if len(set(models)) < 2:
    raise UserError("a splice needs natural photographs of two camera models")
  for k in range(count):
    rng = generator(seed, "splice", k)
    first = int(rng.integers(len(models)))
    others = np.flatnonzero((models != models[first]) & ((scenes != scenes[first]) | (scenes == "")))
    if not len(others):
      continue
    second = int(rng.choice(others))
    host, donor = (crop(jpeg.decode(images.records[row]), side) for row in natural[[first, second]])
    height, share = len(host), float(rng.uniform(*shares))
    if smooth:
      height = int(rng.uniform(*smooth) * len(host)) // JPEG_GRID * JPEG_GRID
      host[:height] = patches.MAXIMUM
    mask = np.zeros(host.shape[:2], bool)
    mask[:height] = splice.region(rng, height, host.shape[1], min(share * len(host) / height, LARGEST))
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if np.ptp(rows) < donor.shape[0] and np.ptp(columns) < donor.shape[1]:
      rows = natural[[first, second]].tolist()
      yield Case(host, splice.paste(rng, host, donor, mask), mask, *rows)


def crop(image: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "a b 3"]:
  """The middle, at most `side` pixels a side, on the JPEG grid."""
  top, left = (max(0, length - side) // 2 // JPEG_GRID * JPEG_GRID for length in image.shape[:2])
  return image[top : top + side, left : left + side]


def changed(pixels: UInt8[np.ndarray, "h w 3"], change: Change) -> UInt8[np.ndarray, "a b 3"]:
  if change.factor:
    pixels = postprocessing.resize(change.factor)(pixels)
  return pixels if change.quality is None else jpeg.decode(splice.compress(pixels, change.quality))


def follow(mask: Bool[np.ndarray, "h w"], size: tuple[int, int]) -> Bool[np.ndarray, "a b"]:
  """The mask of what was pasted where the photograph has another size now, (a, b)."""
  return np.asarray(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST))


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


def judged(known: FittedSimilarity, case: Case, change: Change) -> tuple[dict[str, Any], Splicing | None]:
  """Outcomes; localisation in the spliced image, and both images' scores, where of both something is said.

  `falsely_marked` is there wherever something is said of the photograph without a splice. Behind it the map of the
  spliced image, if there is a statement.
  """
  shown = [changed(pixels, change) for pixels in (case.host, case.spliced)]
  pasted = follow(case.mask, shown[0].shape[:2])
  (whole, whole_said), (spliced, said) = (compared(known, pixels) for pixels in shown)
  row = {
    "authentic": outcome(whole, whole_said, np.zeros_like(pasted)),
    "outcome": outcome(spliced, said, pasted),
    "always": outcome(spliced, True, pasted),
  }
  if whole_said:
    row["falsely_marked"] = float(whole.mask.mean())
  if whole_said and said:
    heat, mask, truth = (x[::STEP, ::STEP] for x in (spliced.heat, spliced.mask, pasted))
    row |= localise(heat, mask, truth)._asdict() | {"whole": whole.score, "spliced": spliced.score}
  return row, spliced if said else None


def weights(rows: pd.DataFrame) -> Iterator[Int[np.ndarray, " n"]]:
  """How often each image counts where devices are drawn anew: as often as its host's and its donor's, multiplied."""
  names, codes = np.unique(rows[["host_device", "donor_device"]].to_numpy(), return_inverse=True)
  host, donor = codes.reshape(-1, 2).T
  for times in rates.redrawn(len(names), RESAMPLES, 0):
    yield times[host] * times[donor]


def interval(rows: pd.DataFrame, figure: Callable[[pd.DataFrame, np.ndarray], float]) -> str:
  """A figure of images with weights, and its 95 % interval over devices."""
  drawn = [figure(rows, weight) for weight in weights(rows) if weight.any()]
  low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if drawn else (np.nan, np.nan)
  return f"{figure(rows, np.ones(len(rows), int)):.3f} [{low:.3f}, {high:.3f}]"


def mean_of(column: str) -> Callable[[pd.DataFrame, np.ndarray], float]:
  """What has no value is left out."""

  def figure(rows: pd.DataFrame, weight: Int[np.ndarray, " n"]) -> float:
    values = rows[column].to_numpy(float)
    there = ~np.isnan(values) & (weight > 0)
    return float(np.average(values[there], weights=weight[there])) if there.any() else float("nan")

  return figure


def median_marked(rows: pd.DataFrame, weight: Int[np.ndarray, " n"]) -> float:
  values = rows["falsely_marked"].to_numpy().repeat(weight)
  return float(np.median(values)) if len(values) else float("nan")


def image_auc(rows: pd.DataFrame, weight: Int[np.ndarray, " n"]) -> float:
  """By the scores of the images with a splice and of the same without."""
  with_it, without = (rows[name].to_numpy(float) for name in ("spliced", "whole"))
  won = (with_it[:, None] > without) + (with_it[:, None] == without) / 2
  return float(weight @ won @ weight / weight.sum() ** 2) if weight.any() else float("nan")


def line(rows: pd.DataFrame) -> dict[str, Any]:
  """Of one change. The median is over all hosts with a statement, each once; all else over those of both kinds."""
  hosts = rows.dropna(subset="falsely_marked").drop_duplicates("host")
  rows = rows.dropna(subset="whole")
  shown = {name: interval(rows, mean_of(name)) for name in (*Found._fields, "falsely_marked")}
  median = {"falsely_marked, median": interval(hosts, median_marked)}
  return {"images": len(rows)} | shown | median | {"image_auc": interval(rows, image_auc)}


def by_model(table: pd.DataFrame, side: str) -> pd.DataFrame:
  """A row a change and model of the host or of the donor: FIGURES, means over its images with a statement."""
  if "whole" not in table:
    return pd.DataFrame()
  rows = []
  for (change, model), own in table.dropna(subset="whole").groupby(["compressed", f"{side}_model"], sort=False):
    found = own[["auc", "f1", "falsely_marked"]].mean().to_dict() | {"images": len(own)}
    found["image_auc"] = image_auc(own, np.ones(len(own), int))
    rows.append({"compressed": change, f"{side}_model": model} | {name: found[name] for name in FIGURES})
  return pd.DataFrame(rows)


def counts(rows: pd.DataFrame) -> dict[str, int]:
  """How often what came of the splices, of the same were a statement always made, and of photographs without one."""
  named = {"spliced": "outcome", "spliced, always a statement": "always", "without a splice": "authentic"}
  return {
    f"{kind}: {what}": int((rows[column] == what).sum())
    for kind, column in named.items()
    for what in OUTCOMES
    if (kind, what) != ("without a splice", RIGHT)
  }


def show(table: pd.DataFrame, wanted: argparse.Namespace) -> None:
  parts = dict(list(table.groupby("compressed", sort=False)))
  console.say(pd.DataFrame({name: counts(part) for name, part in parts.items()}).to_string())
  if wanted.smooth:
    return
  if "whole" not in table:
    raise UserError(f"no statement about any of {wanted.images} images: too small for the patches, or too flat")
  for side in ("host", "donor"):
    own = by_model(table[table["compressed"] == ORIGINAL], side).drop(columns="compressed", errors="ignore")
    console.say(f"\n{ORIGINAL}, by model of the {side}\n{own.round(3).to_string(index=False)}")
  told = "means over images in which a statement is made, 95 % intervals over devices"
  console.say(f"\n{wanted.images} splices asked for; {told}")
  lines = {name: line(part) for name, part in parts.items() if part["whole"].notna().any()}
  console.say(pd.DataFrame(lines).to_string())


def originals(known: FittedSimilarity, folder: Path) -> pd.DataFrame:
  """A row a photograph, mapped whole: file, marked (share of it; nan where nothing is said), judged."""
  found = photographs.find([folder])
  rows = []
  read = photographs.read_all(found.paths)
  for photograph in progress.bar(read, total=len(found.paths), desc="originals", unit="image"):
    if photograph.problem:
      console.note(f"{photograph.path}: {photograph.problem}")
      continue
    whole, said = compared(known, photograph.pixels)
    marked, seen = (float(whole.mask.mean()), whole.judged) if said else (np.nan, np.nan)
    rows.append({"file": str(photograph.path), "marked": marked, "judged": seen})
  return pd.DataFrame(rows)


def show_originals(table: pd.DataFrame) -> None:
  marked = table["marked"].dropna()
  if not len(marked):
    raise UserError("no statement about any of the originals")
  told = f"{len(table)} untouched photographs, {len(table) - len(marked)} without a statement"
  most = f"largest {marked.max():.4f}, more than .01 in {(marked > 0.01).sum()}"
  console.say(f"\n{told}; share marked: median {marked.median():.4f}, {most}")


def example(case: Case, found: Sequence[tuple[Change, dict[str, Any], Splicing | None]], title: str) -> bytes:
  """PNG: the spliced photograph and its map after each change; what was pasted is outlined, and what is marked."""
  figure, panels = subplots(1, 1 + len(found), figsize=(3.6 * (1 + len(found)), 4.2), layout="constrained")
  panels[0].imshow(case.spliced)
  panels[0].contour(case.mask, levels=[0.5], colors=TRUTH, linewidths=1.5)
  panels[0].set_title("with what was pasted outlined", fontsize=9)
  for axes, (change, row, spliced) in zip(panels[1:], found, strict=True):
    what = f"quality {change}" if change.quality and not change.factor else str(change)
    if spliced is None:
      axes.set_title(f"{what}: no statement", fontsize=9)
      continue
    axes.imshow(spliced.heat, cmap="inferno", vmin=0, vmax=1)
    truth = follow(case.mask, spliced.heat.shape)
    for area, colour in ((truth, TRUTH), (spliced.mask, MARK)):
      if area.any() and not area.all():
        axes.contour(area, levels=[0.5], colors=colour, linewidths=1.2)
    said = f": AUC {row['auc']:.3f}, F1 {row['f1']:.3f}" if "auc" in row else ""
    axes.set_title(f"{what}{said}", fontsize=9)
  for axes in panels:
    axes.set(xticks=[], yticks=[])
  figure.suptitle(labels.plain(f"{title}; white: pasted, blue: marked"), fontsize=10)
  return png(figure, dpi=90)


def judge_all(
  known: FittedSimilarity, images: Images, wanted: argparse.Namespace, folder: outputs.Folder | None
) -> pd.DataFrame:
  """A row a splice and change; pictures of the first ones go to the folder."""
  changes = [Change(None, quality) for quality in (None, *wanted.quality)]
  changes += [Change(factor, RESIZED_QUALITY) for factor in wanted.resize]
  made = cases(images, wanted.images, wanted.side, tuple(wanted.share), wanted.seed, wanted.smooth)
  rows = []
  for number, case in enumerate(progress.bar(made, total=wanted.images, desc="splices", unit="image")):
    named = {"image": number}
    for side, row in (("host", case.host_row), ("donor", case.donor_row)):
      named |= {side: images.table["file"][row]}
      named |= {f"{side}_{name}": images.table[name][row] for name in ("model", "device")}
    found = [(change, *judged(known, case, change)) for change in changes]
    rows += [named | {"compressed": str(change)} | row for change, row, _ in found]
    if folder and number < wanted.examples:
      title = f"{named['donor_model']} in {named['host_model']}"
      folder.write(f"splice_{number:03}.png", example(case, found, title))
  return pd.DataFrame(rows)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  options.add_run_or_weights(parser, "configs/model.py")
  parser.add_argument("--photos", default="virtual/default", help="folder or preset, or several with commas between")
  parser.add_argument("--images", type=int, default=50)
  parser.add_argument("--side", type=int, default=1024, help="pixels a side that are cut from larger photographs")
  parser.add_argument("--share", type=float, nargs=2, default=(0.05, 0.3), help="of the image that is pasted, from to")
  parser.add_argument("--smooth", type=float, nargs=2, help="share of the host that is blown out, from to")
  parser.add_argument("--quality", type=int, nargs="*", default=[90, 75], help="of compressing again")
  parser.add_argument("--resize", type=float, nargs="*", default=[0.75], help="factor of both sides, then saved again")
  parser.add_argument("--originals", type=console.path, metavar="FOLDER", help="untouched photographs, mapped whole")
  parser.add_argument("--seed", type=int, default=0)
  parser.add_argument("--json", type=Path, help="file for the values of all images")
  options.add_out(parser, "folder for the tables as CSV, and pictures of splices", required=False)
  parser.add_argument("--examples", type=int, default=6, help="pictures, of the first splices")
  wanted = parser.parse_args(arguments)
  options.require_run(parser, wanted.run, "model")
  return wanted


def main(arguments: Sequence[str]) -> int:
  wanted = parsed(arguments)
  cpu.keep_memory()
  known, _ = answering.similarity(wanted.run)
  folder = outputs.Folder(wanted.out) if wanted.out else None
  images = sources.opened(wanted.photos)
  table = judge_all(known, images, wanted, folder)
  if not len(table):
    raise UserError(f"none of {wanted.images} splices can be made: the photographs are too small, or of one scene")
  if wanted.json:
    wanted.json.write_text(table.to_json(orient="records", indent=1))
  found = {"images": table} | {f"{side}_models": by_model(table, side) for side in ("host", "donor")}
  whole = originals(known, wanted.originals) if wanted.originals else None
  if whole is not None:
    found["originals"] = whole
  if folder:
    for name, own in found.items():
      folder.write(f"{name}.csv", spreadsheet.csv(own))
  show(table, wanted)
  if whole is not None:
    show_originals(whole)
  return console.ANSWERED


if __name__ == "__main__":
  sys.exit(console.run(main, sys.argv[1:]))
