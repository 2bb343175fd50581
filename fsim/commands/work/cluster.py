"""What `fsim cluster` does, and how its answers read."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import squareform

from fsim.boundary import console
from fsim.boundary.outputs import Folder
from fsim.boundary.text import shown
from fsim.commands import answering
from fsim.commands.rows import usable
from fsim.data.photographs import find
from fsim.systems.model import clustering, fitted
from fsim.systems.model import clustering_figures as pictures
from fsim.systems.model.clustering import Clustering
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.predictor import MIN_PATCHES, chosen

FILES = ("groups.json", "groups.png")
SILENT = "no statement"


def embed(
  known: FittedSimilarity, paths: Sequence[Path]
) -> tuple[list[dict[str, Any]], list[Float[np.ndarray, "p d"]]]:
  """A row an image (file, and patches, error or copy_of), and the features of each that can be spoken about.

  A copy, whatever its name and its metadata, is no second photograph: that its pixels agree says nothing of a camera.
  """
  rows, features, seen = [], [], {}
  for row, photograph in usable(paths, rows, "features"):
    first = seen.setdefault(photograph.content, row["file"])
    if first != row["file"]:
      console.note(f"{shown(photograph.path)}: left out, a copy of {shown(first)}")
      row["copy_of"] = first
      continue
    pixels = chosen(photograph.pixels, known)
    row["patches"] = len(pixels)
    if len(pixels) >= MIN_PATCHES:
      features.append(fitted.features(known, pixels))
    else:
      row["answer"] = SILENT
  return rows, features


def scores(known: FittedSimilarity, features: list[Float[np.ndarray, "p d"]]) -> Float[np.ndarray, "m m"]:
  """Log-odds of every two images, the same in both directions; 0 on the diagonal."""
  values = squareform(fitted.image_log_odds(known, features, features), checks=False)
  return squareform(values.astype(np.float64))


def described(rows: list[dict[str, Any]], found: Clustering | None) -> dict[str, Any]:
  """What the JSON says; the rows of grouped images get their group."""
  if found is None:
    return {"answer": f"{SILENT}: two images with {MIN_PATCHES} usable patches are needed", "images": rows}
  spoken = [row for row in rows if not {"error", "answer", "copy_of", "passed_over"} & row.keys()]
  for row, group in zip(spoken, found.groups.tolist(), strict=True):
    row["group"] = group
  files, outside = [row["file"] for row in spoken], clustering.outliers(found)
  return {
    "answer": clustering.sentence(found, files),
    "rule": clustering.RULE,
    "groups": [[row["file"] for row in spoken if row["group"] == k + 1] for k in range(int(found.groups.max()))],
    "not_in_the_largest": None if outside is None else [files[k] for k in outside],
    "images": rows,
    "files": files,
    "log_odds": found.scores.round(3).tolist(),
  }


def write(folder: Folder, facts: dict[str, Any], found: Clustering | None) -> None:
  """groups.json, and groups.png where there are groups; none of former groups stays where there are not."""
  table, picture = FILES
  folder.write(table, console.to_json(facts).encode())
  if found is None:
    folder.remove(picture)
    return
  names = [Path(file).name for file in facts["files"]]
  folder.write(picture, pictures.picture(found, names if len(set(names)) == len(names) else facts["files"]))


def cluster(wanted: argparse.Namespace) -> int:
  known, field = answering.similarity(wanted.run)
  folder = Folder(wanted.out) if wanted.out else None
  if folder:
    folder.claim(*FILES)
  given = find(wanted.places)
  for path, cause in given.passed_over:
    console.note(f"{shown(path)}: left out, {cause}")
  rows, features = embed(known, given.paths)
  rows += [{"file": str(path), "passed_over": cause} for path, cause in given.passed_over]
  found = clustering.group(scores(known, features)) if len(features) > 1 else None
  facts = described(rows, found) | field
  if wanted.json:
    console.say(console.to_json(facts))
  else:
    console.say(shown(facts["answer"]))
    for row in rows:
      if row.get("answer") == SILENT:
        console.say(f"{shown(row['file'])}: {SILENT}, fewer than {MIN_PATCHES} usable patches")
  if folder:
    write(folder, facts, found)
  return console.INCOMPLETE if given.lost or any("error" in row for row in rows) else console.ANSWERED
