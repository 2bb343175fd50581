"""The images that an experiment is about: opened, divided and labelled, whatever the system."""

import inspect
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from absl import logging
from jaxtyping import Int
from ml_collections import ConfigDict

from fsim import run
from fsim.data import splits
from fsim.data.opening import open_source
from fsim.data.source import Images
from fsim.train.classify import Labelled

MATCHING = ("stratified", "by_scene", "scene_instance", "public", "ratio")  # Protocols that train, validate and test.


class Subjects(NamedTuple):
  """The images that an experiment is about: a table whose `row` column points into the stored records."""

  table: pd.DataFrame
  images: Images

  def some(self, rows: Int[np.ndarray, " n"]) -> "Subjects":
    return self._replace(table=self.table.iloc[rows])


def open_subjects(name: str, config: ConfigDict, workdir: Path) -> Subjects:
  """The usable images of a source, with what was left out and why written to the run folder.

  Raises ValueError if nothing is left.
  """
  data = config.data
  labels = {"merge_d70": data.merge_d70, "repair_mju": data.repair_mju}
  images = open_source(name, data_dir=data.folder, on_error=data.on_error, **labels)
  table = images.table.assign(row=np.arange(len(images.table)))
  table = table[table["subset"] == data.subset]
  small = table[table[["width", "height"]].min(axis=1) < config.input.size]
  causes = [f"{r.width}x{r.height} is smaller than the input of {config.input.size}" for r in small.itertuples()]
  if data.on_error == "raise" and causes:
    raise ValueError(f"{small['file'].iloc[0]}: {causes[0]}")
  left_out = pd.DataFrame({"file": small["file"], "cause": causes, "left_out": True})
  problems = pd.concat([images.problems, left_out], ignore_index=True)
  table = table.drop(small.index).reset_index(drop=True)
  if table.empty:
    raise ValueError(f"{name} has no usable {data.subset} images ({len(problems)} files left out)")
  facts = {
    "source": name,
    "fingerprint": images.fingerprint,
    "subset": data.subset,
    "images": len(table),
    "devices": int(table["device"].nunique()),
    "models": int(table["model"].nunique()),
    "scenes": int(table.loc[table["scene"] != "", "scene"].nunique()),
    "left_out": int(problems["left_out"].sum()),
  }
  if facts["left_out"]:
    logging.warning("%d files of %s are left out: see %s/problems.csv", facts["left_out"], name, workdir)
  run.write_data(workdir, facts, problems)
  return Subjects(table, images)


def split(table: pd.DataFrame, config: ConfigDict) -> dict[str, np.ndarray]:
  """Index sets of the protocol, which takes those of the data settings that it names among its arguments."""
  name = config.data.protocol
  if name not in MATCHING:
    raise ValueError(f"data.protocol must be one of {', '.join(MATCHING)}, got {name!r}")
  protocol = splits.PROTOCOLS[name]
  settings = config.data.to_dict() | {"seed": config.seed}
  wanted = inspect.signature(protocol).parameters.keys() & settings.keys()
  return protocol(table, **{k: settings[k] for k in wanted})


def require_pairs(name: str, table: pd.DataFrame) -> None:
  """Raises ValueError unless there are pairs of one device and pairs of two, before hours of training are spent."""
  counts = table["device"].value_counts()
  if len(counts) < 2 or counts.max() < 2:
    raise ValueError(
      f"the {name} images must hold two of one device, and two devices; there are {len(table)} images of "
      f"{len(counts)} devices (data.validation and data.test say how many are taken)"
    )


def labelled(part: Subjects, column: str, classes: list[str]) -> Labelled:
  """Rows with the places of their devices or models (as `column` says) among the classes."""
  unknown = set(part.table[column]) - set(classes)
  if unknown:
    raise ValueError(f"{column}s to be validated but never trained on: {', '.join(sorted(unknown))}")
  labels = pd.Categorical(part.table[column], classes).codes
  return Labelled(part.table["row"].to_numpy(), labels.astype(np.int32))
