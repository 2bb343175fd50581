"""All pairs of a folder: known again by their files, shared out, and listed as far as a table can be read."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from fsim.boundary.shares import Share
from fsim.data import photographs
from fsim.prnu import allpairs, figures
from fsim.prnu.allpairs import Matrix
from fsim.prnu.tiles import Tiles
from tests import sensors


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
  """Three photographs of each of two cameras, and a copy of one under another name."""
  folder = sensors.folder(tmp_path_factory.mktemp("pairs") / "a", a=(1, range(3)), b=(2, range(3)))
  shutil.copy(folder / "a_0.jpg", folder / "c_0.jpg")
  return sorted(folder.iterdir())


def refuse(path, cause):
  raise AssertionError(f"{path}: {cause}")


def matrix(paths, tiles, share=Share()):  # noqa: B008
  images = allpairs.prepared(paths, tiles, refuse, share)
  if not share.leads:
    return allpairs.prepare(images, tiles, share)
  return allpairs.compared(images, tiles, 1e-4, len(paths), share)


@pytest.fixture(scope="module")
def alone(paths, tmp_path_factory):
  return matrix(paths, Tiles(tmp_path_factory.mktemp("alone")))


def test_photographs_are_grouped_by_camera_and_copies_count_once(alone, paths):
  assert alone.pairs == 15
  assert alone.table["group"].tolist() == [0, 0, 0, 1, 1, 1]
  assert {copy.name: of.name for copy, of in alone.copies.items()} == {"c_0.jpg": "a_0.jpg"}
  assert np.isnan(np.diagonal(alone.pce)).all()


def test_what_is_known_is_not_decoded_again(alone, paths, tmp_path, monkeypatch):
  tiles = Tiles(tmp_path)
  first = matrix(paths, tiles)
  monkeypatch.setattr(photographs.jpeg, "decode_with_structure", lambda data: refuse("a photograph", "decoded again"))
  again = matrix(paths, tiles)
  np.testing.assert_array_equal(again.pce, first.pce)
  pd.testing.assert_frame_equal(again.table, first.table)
  assert again.copies == first.copies


@pytest.mark.parametrize(
  ("file", "name", "wrong"),
  [("*.json", "content", None), ("*.json", "size", [64]), ("*.json", "quality", {}), ("[0-9a-f]*.npy", "", "")],
)
def test_what_is_kept_of_a_photograph_is_made_anew_where_it_is_damaged(paths, tmp_path, file, name, wrong):
  tiles = Tiles(tmp_path)
  (first,) = allpairs.prepared(paths[:1], tiles, refuse)
  (place,) = tiles.folder.glob(file)
  whole = place.read_bytes()
  place.write_bytes(json.dumps(json.loads(whole) | {name: wrong}).encode() if name else whole[:-1])
  assert allpairs.prepared(paths[:1], tiles, refuse) == [first]
  assert place.read_bytes() == whole


def test_two_processes_find_exactly_what_one_finds(alone, paths, tmp_path, monkeypatch):
  measured, of = [], allpairs._measured
  monkeypatch.setattr(allpairs, "_measured", lambda *one, **own: measured.append(one) or of(*one, **own))
  tiles = Tiles(tmp_path)
  matrix(paths, tiles, Share(1, 2))
  assert len(measured) == len(paths)  # The other one has not begun, so that none is left to it.
  found = matrix(paths, tiles, Share(0, 2))
  assert len(measured) == len(paths)
  np.testing.assert_array_equal(found.pce, alone.pce)
  pd.testing.assert_frame_equal(found.table, alone.table)


def test_of_very_many_pairs_those_that_match_are_listed(alone, monkeypatch):
  whole = allpairs.pair_table(alone)
  assert (len(whole), whole["match"].sum()) == (15, 6)
  monkeypatch.setattr(allpairs, "LISTED", 14)
  pd.testing.assert_frame_equal(allpairs.pair_table(alone), whole[whole["match"]].reset_index(drop=True))


def test_a_large_matrix_is_drawn_in_cells_that_show_the_largest(monkeypatch):
  monkeypatch.setattr(figures, "CELLS", 3)
  pce = np.full((8, 8), 2.0)
  pce[6, 1] = 50
  pce[:3, 3:6] = np.nan
  drawn = figures.fewer(pce)
  assert drawn.shape == (3, 3)
  assert drawn[2, 0] == 50
  assert np.isnan(drawn[0, 1])
  table = pd.DataFrame({"file": [f"{k}.jpg" for k in range(8)], "device": [""] * 8})
  assert figures.matrix(Matrix(table, pce, 20.0, 28, {})).startswith(b"\x89PNG")
