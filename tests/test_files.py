"""docs/files.md has the columns of every table that fsim writes, no more and no fewer."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fsim.commands.work.simulate import parameters
from fsim.data.dresden.scan import Problem, Row
from fsim.data.public import recipe
from fsim.metrics import classification, scores, votes
from fsim.metrics.classification import Classification
from fsim.metrics.matrix import SimilarityMatrix
from fsim.prnu import allpairs
from fsim.prnu.allpairs import Matrix
from fsim.systems import augmenting
from fsim.systems.device import result
from fsim.systems.device.noise import Parts
from fsim.systems.device.result import Evaluation
from fsim.systems.device.run import with_parts
from fsim.systems.model import image_scores, similarity
from fsim.systems.model.similarity import Similarity
from fsim.systems.patch import transfer
from fsim.systems.prnu import matcher
from fsim.virtual import shots
from fsim.virtual.presets import PRESETS
from launch import table as launched
from tests.commands import ROOT


def documented():
  """File -> columns, in their order."""
  sections = re.split(r"^### `(.+)`$", (ROOT / "docs" / "files.md").read_text(), flags=re.MULTILINE)[1:]
  found = {}
  for file, text in zip(sections[::2], sections[1::2], strict=True):
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")][1:]
    found[file] = [name.strip() for row in rows for name in row.split(",")]
  return found


PAGE = documented()


def images():
  """Three images of two devices of one model, and one of another model."""
  devices = ["Aurel_K1_0", "Aurel_K1_0", "Aurel_K1_1", "Boreas_P20_0"]
  named = {"file": [f"{k}.JPG" for k in range(4)], "device": devices, "model": ["Aurel_K1"] * 3 + ["Boreas_P20"]}
  return pd.DataFrame(named | {"side": ["known"] * 3 + ["unknown"]})


def written(folder):
  """File -> columns that the code writes, by small calls of it."""
  table = images()
  zeros = np.zeros((4, 4), np.float32)
  pairs = with_parts(scores.pair_table(table, zeros), Parts(zeros, zeros, zeros))
  square = SimilarityMatrix(["Aurel_K1_0", "Boreas_P20_0"], np.eye(2))
  result.save(folder, [Evaluation("test", "", 0.5, square, ["Aurel_K1", "Boreas_P20"], [], {}, pairs)])

  answered = classification.answers(table, np.eye(4)[:, :2], np.array([0, 1, 0, 1]), ["a", "b"])
  classification.save(folder, [Classification("images", "", "images", ["a", "b"], answered)])

  patches = table.assign(image=range(4))
  drawn = similarity.scored(similarity.draw_pairs(patches, 2, 0), lambda a, b: np.zeros((len(a), len(b)), np.float32))
  compare = lambda a, b: np.zeros((len(a), len(b)), np.float32)  # noqa: E731
  decided = image_scores.decide(patches, np.zeros((4, 1), np.float32), compare, (1,), 1, 0)
  similarity.save(folder, [Similarity("test", "", drawn, decided.pairs, decided.curve, {})])

  compared = matcher.comparisons(table, np.zeros((4, 1), np.float32), {"Aurel_K1_0": "Aurel_K1"})
  linked = Matrix(table[["file"]].assign(sha256="", device="", size=0, group=0), np.ones((4, 4)), 0.5, 6, {})
  groups = launched.by_group([(SimpleNamespace(name="run", group=lambda: "all"), {"AUC": 1.0})])
  frames = {
    augmenting.TABLE: augmenting.listed(table.assign(row=0), {}),
    "voting.csv": votes.curve({"majority": np.eye(2)}, np.arange(2), np.arange(2), 1, 1, 0),
    "transfer.csv": pd.DataFrame(columns=transfer.COLUMNS),
    "pce.parquet": compared.assign(classification=""),
    "pairs.csv": allpairs.pair_table(linked),
    "images.csv": linked.table.drop(columns="size"),
    "groups.csv": groups,
  }
  files = {path.name: read(path) for path in folder.iterdir() if path.suffix in (".csv", ".parquet")}
  made = {name: list(frame.columns) for name, frame in (files | frames).items()}
  settings = [name for name in parameters(PRESETS["virtual/tiny"]) if "." not in name]
  named = {"problems.csv": list(Problem._fields), "table.parquet": list(Row._fields), "cameras.csv": settings}
  (origins,) = {recipe.table(name).decode().splitlines()[0] for name in recipe.SETS}
  shipped = {"metadata.csv": shots.COLUMNS.split(","), recipe.TABLE: origins.split(",")}
  return made | named | shipped | {"table.csv": ["measure"]}


def read(path):
  return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def test_the_page_has_the_columns_that_are_written(tmp_path):
  found = written(tmp_path)
  assert found.keys() == PAGE.keys()
  for file, columns in found.items():
    assert PAGE[file] == columns, file


def test_no_table_is_written_that_the_page_does_not_have():
  """By the names of files in the source."""
  code = [path.read_text() for room in ("fsim", "launch") for path in (ROOT / room).rglob("*.py")]
  named = {name for text in code for name in re.findall(r'"([a-z_]+\.(?:csv|parquet))"', text)}
  assert named <= PAGE.keys()
  assert PAGE.keys() - named == {"similarity_pairs.parquet", "similarity_images.parquet"}  # Put together there.


@pytest.mark.parametrize("file", PAGE)
def test_no_column_is_explained_twice_or_left_unexplained(file):
  assert len(set(PAGE[file])) == len(PAGE[file])
  assert all(PAGE[file])
