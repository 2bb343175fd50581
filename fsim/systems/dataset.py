"""The images that an experiment is about: opened, divided and labelled, whatever the system."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from absl import logging
from jaxtyping import Int
from ml_collections import ConfigDict

from fsim import run
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import mixture, splits
from fsim.data.dresden import platforms
from fsim.data.dresden.subsets import listed
from fsim.data.source import Images
from fsim.data.sources import open_source
from fsim.train.classify import Labelled


class ImageSet(NamedTuple):
  """The images that an experiment is about: a table whose `row` column points into the stored records."""

  table: pd.DataFrame
  images: Images

  def select(self, rows: Int[np.ndarray, " n"]) -> "ImageSet":
    return self._replace(table=self.table.iloc[rows])


def open_dataset(name: str, config: ConfigDict, workdir: Path, *, aligned: bool = False, smallest: int = 0) -> ImageSet:
  """The usable images of a source, with what was left out and why written to the run folder.

  aligned: leaves out what `off_grid` finds. smallest: pixels of the shorter side that an image must have, if they are
  more than the input's. Raises UserError if nothing is left of a subset.
  """
  data = config.data
  labels = {"merge_d70": data.merge_d70, "repair_mju": data.repair_mju, "pattern": data.pattern}
  images = open_source(name, data_dir=data.folder, on_error=data.on_error, **labels)
  table = images.table.assign(row=np.arange(len(images.table)))
  subsets = listed(data.subset)
  table = table[table["subset"].isin(subsets)]
  copies = platforms.kept_out(table, data.platform)
  causes = too_small(table.drop(copies.index), max(config.input.size, smallest))
  if aligned:
    causes = pd.concat([causes, off_grid(table.drop(copies.index.union(causes.index)))])
  if data.on_error == "raise" and len(causes):
    raise UserError(f"{shown(table.loc[causes.index[0], 'file'])}: {shown(causes.iloc[0])}")
  causes = pd.concat([copies, causes])
  left_out = pd.DataFrame({"file": table.loc[causes.index, "file"], "cause": causes, "left_out": True})
  problems = pd.concat([images.problems, left_out], ignore_index=True)
  table = table.drop(causes.index).reset_index(drop=True)
  missing = [subset for subset in subsets if not (table["subset"] == subset).any()]
  if missing:
    count = int(problems["left_out"].sum())
    raise UserError(f"{shown(name)} has no usable {', '.join(missing)} images ({count} files left out)")
  facts = {"source": name, "data_digest": images.data_digest, "subset": data.subset, "platform": data.platform}
  facts |= counts(table, problems)
  if "source" in table:
    facts["sources"] = each_source(name, table, problems)
  if facts["left_out"]:
    logging.warning("%d files of %s are left out: see %s/problems.csv", facts["left_out"], shown(name), workdir)
  run.write_data(workdir, facts, problems)
  return ImageSet(table, images)


def counts(table: pd.DataFrame, problems: pd.DataFrame) -> dict[str, int]:
  return {
    "images": len(table),
    "devices": int(table["device"].nunique()),
    "models": int(table["model"].nunique()),
    "scenes": int(table.loc[table["scene"] != "", "scene"].nunique()),
    "left_out": int(problems["left_out"].sum()),
  }


def each_source(name: str, table: pd.DataFrame, problems: pd.DataFrame) -> list[dict[str, Any]]:
  """The counts of each source of a mixture, with its share of what training draws (empty without weights).

  Raises UserError for a source that has no usable images.
  """
  sources = mixture.listed(name)
  total = sum(source.weight or 0 for source in sources)
  found = []
  for source in sources:
    own = table[table["source"] == source.name]
    if own.empty:
      raise UserError(f"{shown(source.name)}, a source of the mixture, has no usable images")
    theirs = problems[problems["file"].str.startswith(mixture.place(source))]
    share = f"{source.weight / total:.3f}" if source.weight else ""
    found.append({"source": source.name, "share drawn": share} | counts(own, theirs))
  return found


def too_small(table: pd.DataFrame, size: int) -> pd.Series:
  """Causes why images are left out, by their index."""
  small = table[table[["width", "height"]].min(axis=1) < size]
  causes = [f"{r.width}x{r.height} is smaller than the {size} pixels that are looked at" for r in small.itertuples()]
  return pd.Series(causes, small.index, dtype=object)


def off_grid(table: pd.DataFrame) -> pd.Series:
  """Causes, by index, for images of another size than most of their device, or the larger of sizes as frequent.

  A pixel of theirs is another place on the sensor: a portrait file was turned, another resolution scaled. Which way a
  file was turned nobody knows without matching it, so nothing is turned back. Square files do not tell.
  """
  counts = table.groupby(["device", "width", "height"]).size().reset_index(name="images")
  most = counts.sort_values(["images", "width", "height"]).groupby("device")[["width", "height"]].last()
  usual = table[["device"]].join(most, on="device")
  other = table[(table[["width", "height"]] != usual[["width", "height"]]).any(axis=1)]
  causes = [
    f"{r.width}x{r.height}, but most images of {r.device} are {most.width[r.device]}x{most.height[r.device]}: "
    "positions on the sensor do not correspond"
    for r in other.itertuples()
  ]
  return pd.Series(causes, other.index, dtype=object)


def split(table: pd.DataFrame, config: ConfigDict, known: str = "") -> splits.Split:
  """Rows to train, to validate and to test by data.protocol; known: see `splits.Protocol`."""
  return divided(table, config, splits.SIDES, known)


def divided(
  table: pd.DataFrame, config: ConfigDict, sides: tuple[str, ...], known: str = ""
) -> splits.Split | list[splits.Split]:
  """What data.protocol makes of a table, given its settings. Raises UserError naming those that can serve instead.

  Of a mixture, "by_scene,stratified" divides virtual cameras by scene, and photographs, whose devices may have seen
  one scene only, each device at random.
  """
  data, names = config.data, [name.strip() for name in config.data.protocol.split(",")]
  if len(names) > 1 and (len(names) > 2 or "source" not in table):
    raise UserError(f"data.protocol may be two for virtual cameras and photographs of a mixture, got {data.protocol!r}")
  divisions = [_division(name, config, sides, known) for name in names]
  check = partial(splits.kept, weaker(data.protocol), table)
  return mixture.divide(table, divisions[0], check, divisions[-1])


def weaker(protocol: str) -> str:
  """Of the two protocols of a mixture, the one that promises less; otherwise the only one."""
  return min((name.strip() for name in protocol.split(",")), key=lambda name: len(splits.PROTOCOLS[name].promises))


def _division(
  name: str, config: ConfigDict, sides: tuple[str, ...], known: str
) -> Callable[[pd.DataFrame], splits.Split | list[splits.Split]]:
  """A protocol with its settings. Raises UserError for one that cannot serve."""
  data = config.data
  serving = splits.serving({*data.keys(), "seed"}, sides, known)
  if name not in serving:
    raise UserError(f"data.protocol must be one of {', '.join(serving)}, got {name!r}{_reason(name, sides, known)}")
  protocol = splits.PROTOCOLS[name]
  settings = {key: config.seed if key == "seed" else data[key] for key in protocol.settings}
  return partial(protocol.split, **settings, subset=data.subset)


def _reason(name: str, sides: tuple[str, ...], known: str) -> str:
  """Why a protocol does not serve."""
  protocol = splits.PROTOCOLS.get(name)
  if protocol is None:
    return ""
  if protocol.sides != sides:
    return f", whose sides are {', '.join(protocol.sides)} and not {', '.join(sides)}"
  if known and known not in protocol.known:
    return f", which tests {known}s that are not trained on"
  return f", which needs the settings {', '.join(f'data.{key}' for key in protocol.settings)}"


def require_pairs(name: str, table: pd.DataFrame) -> None:
  """Raises UserError unless there are pairs of one device and pairs of two, before hours of training are spent."""
  counts = table["device"].value_counts()
  if len(counts) < 2 or counts.max() < 2:
    raise UserError(
      f"the {name} images must hold two of one device, and two devices; there are {len(table)} images of "
      f"{len(counts)} devices (data.validation and data.test say how many are taken)"
    )


def labelled(part: ImageSet, column: str, classes: list[str]) -> Labelled:
  """Rows with the places of their devices or models (as `column` says) among the classes."""
  unknown = set(part.table[column]) - set(classes)
  if unknown:
    raise UserError(f"{column}s to be validated but never trained on: {', '.join(map(shown, sorted(unknown)))}")
  labels = pd.Categorical(part.table[column], classes).codes
  return Labelled(part.table["row"].to_numpy(), labels.astype(np.int32), mixture.drawn_from(part.table))
