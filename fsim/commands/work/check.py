"""What `fsim check` does, and how its answer reads."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import cache, splits
from fsim.data.dresden import platforms
from fsim.data.dresden.builder import Dresden, FolderConfig, verified
from fsim.data.dresden.names import Repairs
from fsim.data.dresden.pattern import Pattern
from fsim.data.dresden.subsets import SUBSETS
from fsim.data.source import rules_of

MAX_PROBLEMS = 20  # Problems of each kind that are printed; --json has them all.


def check(options: argparse.Namespace) -> int:
  rules = rules_of(options.pattern, not options.no_merge_d70, not options.no_repair_mju)
  try:
    home = cache.home(options.folder) / Dresden.name
  except UserError as error:  # It only costs the memory.
    console.note(f"verified files are not remembered: {error}")
    home = None
  found = examine(options.path, rules, options.platform, home)
  console.say(console.to_json(found) if options.json else text(found))
  return console.ANSWERED if found["usable"] else console.INCOMPLETE


def examine(folder: Path, rules: Repairs | Pattern, platform: str, home: Path | None) -> dict[str, Any]:
  """Everything that is printed, as plain values. Raises UserError if there is no such folder."""
  config = FolderConfig.of(folder, rules, on_error="skip")
  found = config.listing
  table, problems = verified(config, home)
  copies = platforms.kept_out(table, platform)
  left_out = [*_plain(problems, True), *({"file": table["file"][k], "cause": copies[k]} for k in copies.index)]
  table = table.drop(copies.index).reset_index(drop=True)
  watched = table[table["scene"] != ""].groupby("scene")["device"].nunique()
  return {
    "folder": str(folder),
    "considered": found.considered,
    "jpegs": len(found.jpegs),
    "bytes": sum(f.bytes for f in found.jpegs),
    "others": [{"file": file, "cause": cause} for file, cause in found.others],
    "metadata": [f.file for f in found.metadata],
    "usable": len(table),
    "models": table["model"].nunique(),
    "scenes": len(watched),
    "scenes_of_one_device": int((watched == 1).sum()),
    "devices": [_device(name, images, table) for name, images in table.groupby("device")],
    "left_out": left_out,
    "remarks": _plain(problems, False),
    "protocols": {name: _served(name, table) for name in splits.PROTOCOLS},
  }


def _plain(problems: pd.DataFrame, left_out: bool) -> list[dict[str, str]]:
  return problems.loc[problems["left_out"].astype(bool) == left_out, ["file", "cause"]].to_dict("records")


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
  protocol = splits.PROTOCOLS[name]
  try:
    split = protocol.split(table, **protocol.settings)
  except splits.CannotServe as error:
    return {"serves": False, "why": str(error)}
  first, folds = (split[0], len(split)) if isinstance(split, list) else (split, 1)
  return {
    "serves": True,
    "folds": folds,
    "images": {side: len(rows) for side, rows in first.items()},
    "apart": list(protocol.promises),
  }


def text(found: dict[str, Any]) -> str:
  lines = [
    shown(found["folder"]),
    f"  {found['considered']} files considered: {found['jpegs']} JPEGs, {found['bytes'] / 1e6:,.1f} MB;"
    f" {len(found['others'])} files that are no photographs",
    f"  metadata: {', '.join(map(shown, found['metadata'])) or 'none'}; {found['scenes']} known scenes,"
    f" {found['scenes_of_one_device']} of them seen by one device only",
    f"  {found['usable']} usable images of {len(found['devices'])} devices, {found['models']} models;"
    f" {len(found['left_out'])} files left out",
  ]
  rows = [{**d, "sizes": ", ".join(f"{size} ({n})" for size, n in d["sizes"].items())} for d in found["devices"]]
  if rows:
    lines += ["", "Devices", *_aligned([list(rows[0]), *([shown(v) for v in row.values()] for row in rows)])]
  for title, key in (("Left out", "left_out"), ("Remarks", "remarks"), ("No photographs", "others")):
    if found[key]:
      more = [f"  ... and {len(found[key]) - MAX_PROBLEMS} more; see --json"] * (len(found[key]) > MAX_PROBLEMS)
      lines += ["", title, *_aligned([[shown(p["file"]), shown(p["cause"])] for p in found[key][:MAX_PROBLEMS]]), *more]
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
