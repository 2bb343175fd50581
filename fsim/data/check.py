"""python -m fsim.data.check PATH [--json]: what a folder holds, what is wrong with it, which protocols it can serve.

The exit code is 0 unless nothing in the folder is usable. Verified files are remembered beside the data sets that TFDS
keeps, so that a training run does not verify them again.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from tensorflow_datasets.core.constants import get_default_data_dir

from fsim.data import splits
from fsim.data.dresden.builder import Dresden, FolderConfig, verified
from fsim.data.dresden.names import Repairs
from fsim.data.dresden.subsets import SUBSETS

SHOWN = 20  # Problems of each kind that are printed; --json has them all.
# What the protocols are tried with.
SETTINGS = {
  "stratified": {"seed": 0, "validation": 0.1, "test": 0.3},
  "by_scene": {"seed": 0, "validation": 0.1, "test": 0.3},
  "scene_instance": {"fold": 0},
  "public": {},
  "ratio": {"seed": 0},
  "model_disjoint": {"seed": 0},
  "image_folds": {"k": 10, "seed": 0},
  "scene_folds": {"k": 10, "seed": 0},
}


def examine(folder: Path) -> dict[str, Any]:
  """Everything that is printed, as plain values. Raises ValueError if there is no such folder."""
  config = FolderConfig.of(folder, Repairs(merge_d70=True, repair_mju=True), on_error="skip")
  table, problems = verified(config, Path(get_default_data_dir()) / Dresden.name)
  watched = table[table["scene"] != ""].groupby("scene")["device"].nunique()
  return {
    "folder": str(folder),
    "jpegs": len(config.listing.jpegs),
    "bytes": sum(f.bytes for f in config.listing.jpegs),
    "others": dict(config.listing.others),
    "metadata": [f.file for f in config.listing.manifests],
    "usable": len(table),
    "models": table["model"].nunique(),
    "scenes": len(watched),
    "scenes_of_one_device": int((watched == 1).sum()),
    "devices": [_device(name, images, table) for name, images in table.groupby("device")],
    "left_out": problems.loc[problems["left_out"].astype(bool), ["file", "cause"]].to_dict("records"),
    "remarks": problems.loc[~problems["left_out"].astype(bool), ["file", "cause"]].to_dict("records"),
    "protocols": {name: _served(name, table) for name in splits.PROTOCOLS},
  }


def _device(name: str, images: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
  model = images["model"].iloc[0]
  sizes = (images["width"].astype(str) + "x" + images["height"].astype(str)).value_counts()
  return {
    "device": name,
    "model": model,
    "siblings": int(table.loc[table["model"] == model, "device"].nunique()) - 1,
    **{subset: int((images["subset"] == subset).sum()) for subset in SUBSETS},
    "scenes": int(images.loc[images["scene"] != "", "scene"].nunique()),
    "sizes": {size: int(n) for size, n in sizes.items()},
  }


def _served(name: str, table: pd.DataFrame) -> dict[str, Any]:
  """How many images each side of the protocol gets, or why it cannot be served."""
  try:
    split = splits.PROTOCOLS[name](table, **SETTINGS[name])
  except splits.CannotServe as error:
    return {"serves": False, "why": str(error)}
  first, folds = (split[0], len(split)) if isinstance(split, list) else (split, 1)
  return {
    "serves": True,
    "folds": folds,
    "images": {side: len(rows) for side, rows in first.items()},
    "apart": list(splits.PROMISES[name]),
  }


def text(found: dict[str, Any]) -> str:
  others = ", ".join(f"{n} {kind}" for kind, n in sorted(found["others"].items())) or "none"
  lines = [
    found["folder"],
    f"  {found['jpegs']} JPEGs, {found['bytes'] / 1e6:,.1f} MB; other files: {others}",
    f"  metadata: {', '.join(found['metadata']) or 'none'}; {found['scenes']} known scenes,"
    f" {found['scenes_of_one_device']} of them seen by one device only",
    f"  {found['usable']} usable images of {len(found['devices'])} devices, {found['models']} models;"
    f" {len(found['left_out'])} files left out",
  ]
  rows = [{**d, "sizes": ", ".join(f"{size} ({n})" for size, n in d["sizes"].items())} for d in found["devices"]]
  if rows:
    lines += ["", "Devices", *_aligned([list(rows[0]), *([str(v) for v in row.values()] for row in rows)])]
  for title, key in (("Left out", "left_out"), ("Remarks", "remarks")):
    if found[key]:
      more = [f"  ... and {len(found[key]) - SHOWN} more; see --json"] * (len(found[key]) > SHOWN)
      lines += ["", title, *_aligned([[p["file"], p["cause"]] for p in found[key][:SHOWN]]), *more]
  if rows:
    lines += ["", "Protocols", *_aligned([[name, _verdict(name, p)] for name, p in found["protocols"].items()])]
  return "\n".join(lines)


def _verdict(name: str, served: dict[str, Any]) -> str:
  if not served["serves"]:
    return "no: " + served["why"].removeprefix(f"{name} ")
  images = ", ".join(f"{side} {n}" for side, n in served["images"].items())
  folds = f"{served['folds']} folds, the first: " if served["folds"] > 1 else ""
  return f"yes: {folds}{images} images; never on two sides: {', '.join(served['apart'])}"


def _aligned(rows: list[list[str]]) -> list[str]:
  """Columns of one width; numbers to the right, under the head of their column."""
  columns = []
  for column in zip(*rows, strict=True):
    width = max(map(len, column))
    is_number = all(cell.isdigit() for cell in column[1:]) and len(column) > 1
    columns.append([cell.rjust(width) if is_number else cell.ljust(width) for cell in column])
  return ["  " + "  ".join(row).rstrip() for row in zip(*columns, strict=True)]


def main(arguments: list[str]) -> int:
  parser = argparse.ArgumentParser(prog="python -m fsim.data.check", description="What does a folder of JPEGs hold?")
  parser.add_argument("path", type=Path, metavar="PATH")
  parser.add_argument("--json", action="store_true", help="print everything, as JSON")
  options = parser.parse_args(arguments)
  try:
    found = examine(options.path)
  except ValueError as error:
    print(error, file=sys.stderr)
    return 1
  print(json.dumps(found, indent=2) if options.json else text(found))
  return 0 if found["usable"] else 1


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
