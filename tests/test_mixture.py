"""Several sources as one: nothing is lost or meant twice, and training draws from each as its weight says."""

import hashlib
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsim.boundary.errors import UserError
from fsim.data import loader, mixture, pairs, splits
from fsim.data.loader import Sources
from fsim.data.mixture import Joined, Source
from fsim.data.sources import open_source
from fsim.systems import dataset, patch_dataset
from fsim.systems.dataset import open_dataset
from fsim.systems.model import run as model
from fsim.systems.patch_dataset import PatchSet
from fsim.systems.settings import checked
from tests import commands, jpegs
from tests.commands import ROOT
from tests.test_splits import dresden

SETTINGS = {"on_error": "skip", "merge_d70": True, "repair_mju": True, "pattern": None}


def photographs(folder, brand, first, devices=2, shots=4):
  folder.mkdir()
  for device in range(devices):
    for shot in range(shots):
      seed = first + device * shots + shot
      (folder / f"{brand}_X1_{device}_{shot}.JPG").write_bytes(jpegs.jpeg(seed, 96, 80))
  return folder


@pytest.fixture
def folders(tmp_path):
  return photographs(tmp_path / "one", "Canon", 0), photographs(tmp_path / "two", "Nikon", 100)


def opened(*names, home):
  return open_source(",".join(map(str, names)), data_dir=str(home), **SETTINGS)


def test_a_mixture_is_the_union_of_its_sources(folders, tmp_path):
  alone = [opened(folder, home=tmp_path / "data") for folder in folders]
  both = opened(*folders, home=tmp_path / "data")
  assert len(both.records) == len(both.table) == 16
  assert both.table["sha256"].tolist() == [sha for images in alone for sha in images.table["sha256"]]
  for row, record in zip(both.table.itertuples(), pickle.loads(pickle.dumps(both.records)), strict=True):
    assert hashlib.sha256(record).hexdigest() == row.sha256
    with open(row.file, "rb") as file:
      assert file.read() == record
    assert row.file.startswith(f"{row.source}/")
  assert len({both.data_digest, *(images.data_digest for images in alone)}) == 3


def test_weights_are_no_part_of_the_data(folders, tmp_path):
  one, two = folders
  plain, weighted = opened(one, two, home=tmp_path / "data"), opened(f"{one}:3", f"{two}:1", home=tmp_path / "data")
  assert weighted.data_digest == plain.data_digest
  assert weighted.table.drop(columns="weight").equals(plain.table)
  assert weighted.table.groupby("source", observed=True)["weight"].unique().map(list).tolist() == [[3.0], [1.0]]


def test_virtual_cameras_and_photographs_mix_and_what_cannot_be_used_is_named_with_its_source(folders, tmp_path, data):
  (folders[0] / "Canon_X1_0_9.JPG").write_bytes(jpegs.truncated())
  images = opened("virtual/tiny", folders[0], home=data)
  assert set(images.table["source"]) == {"virtual/tiny", str(folders[0])}
  assert images.problems["file"].tolist() == [str(folders[0] / "Canon_X1_0_9.JPG")]
  virtual = images.table[images.table["source"] == "virtual/tiny"]
  assert virtual["scene"].str.startswith("virtual/").any()


def test_a_photograph_in_two_sources_is_refused_by_its_names(folders, tmp_path):
  one, two = folders
  (two / "Nikon_X1_0_7.JPG").write_bytes((one / "Canon_X1_1_2.JPG").read_bytes())
  cause = f"{one}/Canon_X1_1_2.JPG and {two}/Nikon_X1_0_7.JPG are the same photograph"
  with pytest.raises(UserError, match=cause):
    opened(one, two, home=tmp_path / "data")


def test_a_device_in_two_sources_is_refused_by_its_name(folders, tmp_path):
  one, two = folders
  (two / "Canon_X1_1_9.JPG").write_bytes(jpegs.jpeg(500))
  with pytest.raises(UserError, match=r"two/Canon_X1_1_9.JPG are images of one device \(Canon_X1_1\)"):
    opened(one, two, home=tmp_path / "data")


@pytest.mark.parametrize(
  ("text", "cause"),
  [
    ("virtual/tiny,", "different names"),
    ("virtual/tiny, virtual/tiny", "different names"),
    ("virtual/tiny:1,virtual/tiny:2", "different names"),
    ("virtual/tiny:0.5,photos", "each source has a weight above 0, or none"),
    ("virtual/tiny:0,photos:1", "each source has a weight above 0, or none"),
    ("virtual/tiny:-1,photos:1", "each source has a weight above 0, or none"),
    ("virtual/tiny:nan,photos:1", "each source has a weight above 0, or none"),
    ("virtual/tiny:inf,photos:1", "each source has a weight above 0, or none"),
    ("virtual/tiny:1", "each source has a weight above 0, or none"),
  ],
)
def test_what_is_no_mixture_is_said_before_anything_is_opened(text, cause):
  config = commands.config(ROOT / "configs" / "model.py")
  config.data.source = text
  with pytest.raises(UserError, match=cause):
    checked(config)


def test_homes_are_written_out_in_each_source(monkeypatch):
  monkeypatch.setenv("HOME", "/home/somebody")
  config = commands.config(ROOT / "configs" / "model.py")
  config.data.source = "virtual/tiny:0.75, ~/photos:0.25"
  assert checked(config).data.source == "virtual/tiny:0.75,/home/somebody/photos:0.25"


def test_a_folder_that_is_there_is_one_source_whatever_its_letters(tmp_path):
  for name in ("a,b", "c:0.5", "d:1,e:2"):
    (tmp_path / name).mkdir()
    assert mixture.listed(str(tmp_path / name)) == [Source(str(tmp_path / name))]
  both = mixture.listed(f"{tmp_path}/c:0.5:2,virtual/tiny:1")
  assert both == [Source(f"{tmp_path}/c:0.5", 2.0), Source("virtual/tiny", 1.0)]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_records_lie_one_behind_the_other(sizes):
  parts = [[f"{k} {n}".encode() for n in range(size)] for k, size in enumerate(sizes)]
  whole = Joined(parts)
  assert list(whole) == [record for part in parts for record in part]
  for row in (-1, len(whole)):
    with pytest.raises(IndexError):
      whole[row]


def of_two(virtual, real):
  """A table as `joined` makes it."""
  both = {"virtual/x": virtual, "photos": real}
  table = pd.concat([part.assign(source=name) for name, part in both.items()], ignore_index=True)
  return table.assign(source=pd.Categorical(table["source"], list(both)), row=range(len(table)))


def cameras(models, scenes, brand):
  """One device a model, which saw all scenes."""
  rows = [(f"{brand}_{m}", f"{s}/1") for m in range(models) for s in range(scenes)]
  frame = pd.DataFrame(rows, columns=["model", "scene"])
  named = frame.assign(device=frame["model"] + "_0", file=brand + frame.index.astype(str), subset="natural")
  return named.assign(sha256=[hashlib.sha256(name.encode()).hexdigest() for name in named["file"]], instance="0")


@settings(max_examples=10)
@given(st.integers(0, 99), st.integers(6, 16), st.integers(6, 16), st.integers(4, 6))
def test_both_kinds_of_models_are_divided_in_proportion_and_as_if_alone(seed, virtual, real, scenes):
  config = commands.config(ROOT / "configs" / "model.py")
  config.seed, config.data.sizes = seed, (8, 4, 2)
  parts = [cameras(virtual, scenes, "V").assign(scene=lambda t: "virtual/" + t["scene"]), cameras(real, scenes, "R")]
  sides = model.divide(of_two(*parts), config)
  alone = [model.divide(part.assign(row=range(len(part))), config) for part in parts]
  for letter in ("a", "b", "c"):
    for name, table in getattr(sides, letter).items():
      own = [set(getattr(side, letter)[name]["file"]) for side in alone]
      assert set(table["file"]) == own[0] | own[1]
      assert all(own)
    models = pd.concat(getattr(sides, letter).values()).groupby("source", observed=True)["model"].nunique()
    assert (models >= 2).all()
  a, b, c = ({m for table in side.values() for m in table["model"]} for side in sides)
  assert not (a & b | a & c | b & c)


def test_what_one_kind_lacks_for_a_protocol_is_said_of_it():
  table = of_two(cameras(9, 4, "V"), cameras(3, 4, "R"))
  with pytest.raises(splits.CannotServe, match=r"the photographs of the mixture: .* needs six models; .* 3 m"):
    model.divide(table, commands.config(ROOT / "configs" / "model.py"))


def test_folders_that_show_the_same_scenes_are_divided_as_one():
  half, other = dresden(shots=1), dresden(shots=1)
  other = other.assign(
    device="Z" + other["device"], model="Z" + other["model"], sha256="z" + other["sha256"], file="z" + other["file"]
  )
  table = of_two(half, other).assign(source=lambda t: t["source"].cat.rename_categories(["one", "two"]))
  config = commands.config(ROOT / "configs" / "device.py")
  config.data.protocol = "by_scene"
  found = dataset.split(table, config)
  splits.require_disjoint(table, found, "scene", "image")
  assert {table["source"].iloc[rows].nunique() for rows in found.values()} == {2}


def test_photographs_may_be_divided_by_another_protocol():
  """Cameras that saw one scene only are left out by scenes, and learned from at random."""
  virtual, real = cameras(3, 6, "V"), cameras(2, 6, "R").assign(scene="9/9")
  table = of_two(virtual.assign(scene="virtual/" + virtual["scene"]), real)
  config = commands.config(ROOT / "configs" / "model.py")
  with pytest.raises(splits.CannotServe, match="the photographs of the mixture: by_scene needs"):
    dataset.split(table, config)
  config.data.protocol = "by_scene,stratified"
  found = dataset.split(table, config)
  assert sum(map(len, found.values())) == len(table)
  assert all(table["source"].iloc[rows].nunique() == 2 for rows in found.values())
  of_virtual = {side: rows[rows < len(virtual)] for side, rows in found.items()}
  splits.require_disjoint(table, of_virtual, "scene")
  config.data.protocol = "by_scene,random"
  with pytest.raises(UserError, match=r"must be one of stratified, .*, got 'random'"):
    dataset.split(table, config)
  config.data.protocol = "by_scene,stratified"
  with pytest.raises(UserError, match="may be two for virtual cameras and photographs of a mixture"):
    dataset.split(virtual.assign(row=range(len(virtual))), config)


def test_folds_of_a_mixture_hold_folds_of_both_kinds():
  config = commands.config(ROOT / "configs" / "mobile.py")
  config.data.folds = 4
  table = of_two(cameras(3, 8, "V"), cameras(2, 8, "R"))
  folds = dataset.divided(table, config, splits.FOLD)
  assert len(folds) == 4
  assert sorted(row for fold in folds for row in fold["test"]) == list(range(len(table)))
  assert all(table["source"].iloc[fold["test"]].nunique() == 2 for fold in folds)


@settings(max_examples=8)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 9), st.integers(1, 9), st.sampled_from(["on", "off"]))
def test_training_draws_from_each_source_as_its_weight_says(many, few, one, other, balanced):
  number = np.repeat([0, 1], [many, few])
  rows = np.arange(many + few)
  mixed = Sources(number, ("one", "two"), (float(one), float(other)))
  first, second = (loader.drawing(rows, rows % 3, mixed, 5, balanced) for _ in range(2))
  drawn = np.array([first[k][0] for k in range(200)])
  assert abs((number[drawn] == 1).mean() - other / (one + other)) < 0.02
  assert all(second[k][0] == drawn[k] for k in (150, 3, 199))  # Whatever was drawn before.
  own = drawn[number[drawn] == 0][:many]
  if balanced == "off" and len(own) == many:
    assert sorted(own) == list(range(many))  # An epoch of a source shows each of its images once.


def test_without_weights_the_union_is_drawn_as_one_data_set():
  rows, labels = np.arange(30), np.arange(30) % 3
  plain, usual = loader.drawing(rows, labels, None, 0, "auto"), loader.order(rows, labels, 0, balanced=False)
  assert all((plain[k] == usual[k]).all() for k in range(60))


def test_a_source_with_a_weight_and_nothing_to_train_on_is_named():
  with pytest.raises(UserError, match="two has a weight in the mixture, but nothing of it is there to train on"):
    loader.drawing(np.arange(3), np.arange(3), Sources(np.zeros(3, int), ("one", "two"), (1.0, 1.0)), 0, "off")


def three_images_of_each(models):
  return np.repeat(np.arange(models), 6), np.repeat(np.arange(models * 3), 2)


@given(st.integers(0, 9), st.integers(2, 5), st.integers(2, 5), st.sampled_from([0.1, 0.5, 0.9]))
def test_pairs_are_of_one_source_each_and_of_both_kinds_of_truth(seed, one, two, share):
  labels, image = three_images_of_each(one + two)
  number = (labels >= one).astype(int)
  several = pairs.nests(labels, image, Sources(number, ("one", "two"), (1 - share, share)))
  batch = np.concatenate([pairs.weighted_batch(several, 64, seed, step) for step in range(10)])
  assert (number[batch[:, 0]] == number[batch[:, 1]]).all()
  assert abs(number[batch[:, 0]].mean() - share) < 0.08
  same = labels[batch[:, 0]] == labels[batch[:, 1]]
  assert abs(same.mean() - 0.5) < 0.02
  assert (image[batch[same, 0]] != image[batch[same, 1]]).all()
  np.testing.assert_array_equal(batch[:64], pairs.weighted_batch(several, 64, seed, 0))


def test_a_source_that_makes_no_pairs_is_named():
  labels, image = three_images_of_each(3)
  with pytest.raises(UserError, match="two: pairs need two models"):
    pairs.nests(labels, image, Sources((labels >= 2).astype(int), ("one", "two"), (0.5, 0.5)))


def test_patches_and_tiles_are_drawn_by_the_source_of_their_image():
  table = of_two(cameras(2, 1, "V"), cameras(1, 1, "R"))
  table = table.assign(weight=np.where(table["source"] == "photos", 3.0, 1.0))
  part = PatchSet(table, np.array([4, 5, 6, 9]), np.array([0, 0, 1, 2]), 0)
  found = patch_dataset.labelled(part, ["R_0", "V_0", "V_1"], "model")
  assert found.rows.tolist() == [4, 5, 6, 9]
  assert found.labels.tolist() == [1, 1, 2, 0]
  assert found.sources.number.tolist() == [0, 0, 0, 1]
  assert found.sources.weights == (1.0, 3.0)
  tiles = patch_dataset.labelled(part, ["R_0", "V_0", "V_1"], "model", each=2)
  assert tiles.rows.tolist() == [8, 9, 10, 11, 12, 13, 18, 19]
  assert tiles.sources.number.tolist() == [0] * 6 + [1] * 2
  assert tiles.labels.tolist() == [1, 1, 1, 1, 2, 2, 0, 0]


def test_the_facts_of_each_source_are_written_down(folders, tmp_path):
  config = commands.config(ROOT / "configs" / "device.py", "quick")
  (folders[0] / "Canon_X1_0_9.JPG").write_bytes(jpegs.jpeg(9, 40, 40))
  config.data.folder = str(tmp_path / "data")
  open_dataset(f"{folders[0]}:1,{folders[1]}:3", config, tmp_path / "run")
  facts = json.loads((tmp_path / "run" / "environment.json").read_text())["data"]
  one, two = facts["sources"]
  assert (one["source"], one["share drawn"], one["images"], one["left_out"]) == (str(folders[0]), "0.250", 8, 1)
  assert (two["source"], two["share drawn"], two["images"], two["left_out"]) == (str(folders[1]), "0.750", 8, 0)
  assert facts["images"] == 16


def test_a_source_without_usable_images_is_named(folders, tmp_path):
  config = commands.config(ROOT / "configs" / "device.py", "quick")
  config.data.folder, config.input.size = str(tmp_path / "data"), 88
  for k, photo in enumerate(sorted(folders[0].iterdir())):
    photo.write_bytes(jpegs.jpeg(k, 96, 96))
  with pytest.raises(UserError, match="two, a source of the mixture, has no usable images"):
    open_dataset(f"{folders[0]},{folders[1]}", config, tmp_path / "run")
