"""Protocols keep their promises on any table, and say why when they cannot serve one."""

import inspect
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.data import splits
from fsim.data.splits import CannotServe, require_disjoint

THREE = {"train", "validation", "test"}
SEEDED = {
  "stratified": {"seed": 1, "validation": 0.1, "test": 0.3},
  "by_scene": {"seed": 1, "validation": 0.1, "test": 0.3},
  "scene_instance": {"fold": 1},
  "public": {},
  "ratio": {"seed": 1},
  "model_disjoint": {"seed": 1},
  "image_folds": {"folds": 2, "seed": 1},
  "scene_folds": {"folds": 2, "seed": 1},
}


def make_table(shots: list[tuple[int, int, int, int, str]]) -> pd.DataFrame:
  """A table from (model, instance, position, motive, subset) of each image; position -1 for an unknown scene."""
  columns = {
    "file": [f"M_{m}_{i}_{shot}.JPG" for shot, (m, i, *_) in enumerate(shots)],
    "sha256": [f"{hash((m, i, shot)) % 10**9:09d}{shot:06d}" for shot, (m, i, *_) in enumerate(shots)],
    "make": ["M"] * len(shots),
    "model": [f"M_{m}" for m, *_ in shots],
    "instance": [f"{i}" for _, i, *_ in shots],
    "device": [f"M_{m}_{i}" for m, i, *_ in shots],
    "shot": range(len(shots)),
    "subset": [subset for *_, subset in shots],
    "position": [position for _, _, position, _, _ in shots],
    "motive": [motive if position >= 0 else -1 for _, _, position, motive, _ in shots],
    "scene": [f"{position}/{motive}" if position >= 0 else "" for _, _, position, motive, _ in shots],
  }
  return pd.DataFrame(columns).assign(width=64, height=48)


def dresden_scenes() -> list[tuple[int, int]]:
  """83 scenes, those of the published split among them, as (position, motive)."""
  named = splits.PUBLIC_TEST + splits.PUBLIC_VALIDATION
  others = [10 * p + m for p in range(1, 42) for m in (1, 2, 3)]
  return [divmod(s, 10) for s in dict.fromkeys((*named, *others))][:83]


def dresden(models: int = 8, devices: int = 3, shots: int = 2) -> pd.DataFrame:
  """Every device in every scene."""
  each = [(m, d) for m in range(models) for d in range(devices)]
  return make_table([(*d, *scene, "natural") for d in each for scene in dresden_scenes() for _ in range(shots)])


@st.composite
def tables(draw) -> pd.DataFrame:
  """From nothing to a small Dresden: some devices, in some of the scenes or in scenes of their own."""
  rng = np.random.default_rng(draw(st.integers(0, 2**32)))
  each = [(m, d) for m in range(rng.choice([0, 1, 3, 6, 8])) for d in range(rng.integers(1, 4))]
  scenes = dresden_scenes()[: rng.choice([1, 3, 10, 83, 83, 83])]
  own = int(rng.integers(2))
  seen = rng.choice([0.2, 0.8, 1.0])
  unknown = rng.choice([0.0, 0.0, 0.2, 1.0])
  flat = rng.choice([0.0, 0.3])
  shots = [
    (
      m,
      d,
      -1 if rng.random() < unknown else p + 100 * own * (3 * m + d),
      q,
      "flat-field" if rng.random() < flat else "natural",
    )
    for m, d in each
    for p, q in scenes
    if rng.random() < seen
  ]
  return make_table([shots[i] for i in rng.permutation(len(shots))])


def serve(name: str, table: pd.DataFrame) -> list[splits.Split]:
  """The protocol's splits, none if it cannot serve the table."""
  try:
    split = splits.PROTOCOLS[name].split(table, **SEEDED[name])
  except CannotServe:
    return []
  return split if isinstance(split, list) else [split]


@pytest.mark.parametrize("name", splits.PROTOCOLS)
def test_a_protocol_says_what_it_lacks(name):
  with pytest.raises(CannotServe, match=rf"{name} needs .*; this table has 1 natural images, 1 devices, 1 models"):
    splits.PROTOCOLS[name].split(make_table([(0, 0, 1, 1, "natural")]), **SEEDED[name])


@pytest.mark.parametrize("name", splits.PROTOCOLS)
@given(table=tables())
def test_promises_are_kept(name, table):
  protocol = splits.PROTOCOLS[name]
  for split in serve(name, table):
    sides_share_nothing(split, table, set(protocol.promises))
    rows_are_sorted_and_natural_and_no_needed_side_is_empty(split, table)
    assert tuple(split) == protocol.sides
    for column in protocol.known:  # Was there to train.
      assert set(table[column].iloc[split["test"]]) <= set(table[column].iloc[split["train"]])


def sides_share_nothing(split, table, promises):
  for one, other in combinations(split.values(), 2):
    assert not set(one) & set(other)
    for column in promises & {"scene", "model", "device"}:
      assert not set(table[column].iloc[one]) & set(table[column].iloc[other])
  if "test device" in promises:
    trained = np.concatenate([split["train"], split["validation"]])
    assert not set(table["device"].iloc[split["test"]]) & set(table["device"].iloc[trained])


def rows_are_sorted_and_natural_and_no_needed_side_is_empty(split, table):
  for side, rows in split.items():
    assert (np.diff(rows) > 0).all()
    assert (table["subset"].iloc[rows] == "natural").all()
    assert len(rows) or side == "validation"


@pytest.mark.parametrize("name", splits.PROTOCOLS)
@given(table=tables(), seed=st.integers(0, 99))
def test_the_order_of_the_rows_does_not_matter(name, table, seed):
  shuffled = table.sample(frac=1, random_state=seed, ignore_index=True)
  files = [
    [{side: set(t["file"].iloc[rows]) for side, rows in split.items()} for split in serve(name, t)]
    for t in (table, shuffled)
  ]
  assert files[0] == files[1]


@pytest.mark.parametrize("name", [n for n in SEEDED if "seed" in SEEDED[n]])
def test_another_seed_gives_another_split(name):
  table = dresden(shots=1)
  one, other = (splits.PROTOCOLS[name].split(table, **SEEDED[name] | {"seed": seed}) for seed in (1, 2))
  assert str(one) != str(other)


@pytest.mark.parametrize("name", ["stratified", "ratio"])
@given(table=tables())
def test_every_device_with_two_images_is_trained_and_tested(name, table):
  natural = table[table["subset"] == "natural"]
  counts = natural.groupby("device").size()
  for split in serve(name, table):
    assert split.keys() == THREE
    parts = {side: set(table["device"].iloc[rows]) for side, rows in split.items()}
    assert parts["train"] == parts["test"] == set(counts.index[counts >= 2])
    assert parts["validation"] == set(counts.index[counts >= 3])
    assert sum(map(len, split.values())) == counts[counts >= 2].sum()


@pytest.mark.parametrize(("name", "shares"), [("stratified", (0.6, 0.1, 0.3)), ("ratio", (0.75, 0.1, 0.15))])
def test_shares_hold_for_each_device(name, shares):
  table = dresden(shots=3)
  split = splits.PROTOCOLS[name].split(table, **SEEDED[name])
  for side, share in zip(("train", "validation", "test"), shares, strict=True):
    assert table.iloc[split[side]].groupby("device").size().between(249 * share - 1, 249 * share + 1).all()


@given(table=tables())
def test_by_scene_puts_every_device_on_every_side_it_can_be_on(table):
  natural = table[(table["subset"] == "natural") & (table["scene"] != "")]
  scenes = natural.groupby("device")["scene"].nunique()
  for split in serve("by_scene", table):
    parts = {side: set(table["device"].iloc[rows]) for side, rows in split.items()}
    assert parts["train"] == parts["test"] == set(scenes.index[scenes >= 2])
    assert parts["validation"] >= set(scenes.index[scenes >= 3])


@given(st.lists(st.integers(2, 9), min_size=1, max_size=8), st.integers(0, 99))
def test_by_scene_always_serves_devices_that_share_no_scene(numbers, seed):
  table = make_table(
    [(m, 0, m, s, "natural") for m, n in enumerate(numbers) for s in range(n) for _ in range(1 + s % 3)]
  )
  split = splits.by_scene(table, seed, 0.1, 0.3)
  assert sum(map(len, split.values())) == len(table)


def test_by_scene_keeps_the_shares():
  table = dresden()
  split = splits.by_scene(table, 0, 0.1, 0.3)
  np.testing.assert_allclose(
    [len(split[s]) / len(table) for s in ("train", "validation", "test")], [0.6, 0.1, 0.3], atol=0.02
  )


def test_stratified_does_without_validation():
  assert len(splits.stratified(dresden(shots=1), 0, 0.0, 0.3)["validation"]) == 0
  assert len(splits.by_scene(dresden(shots=1), 0, 0.0, 0.3)["validation"]) == 0


@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.0), (-0.1, 0.3), (0.5, 0.5), (0.1, 1.0)])
def test_impossible_shares_are_refused(validation, test):
  with pytest.raises(ValueError, match=r"validation and test must be shares"):
    splits.stratified(dresden(shots=1), 0, validation, test)


def test_scene_instance_has_the_published_numbers():
  table = dresden()
  split = splits.scene_instance(table, 0)
  scenes = {side: table["scene"].iloc[rows].nunique() for side, rows in split.items()}
  assert scenes == {"test": 11, "validation": 10, "train": 62}
  tested = table.iloc[split["test"]]
  assert (tested.groupby("model")["device"].nunique() == 1).all()
  assert tested["model"].nunique() == 8
  assert table["device"].iloc[split["train"]].nunique() == 16


def test_folds_of_scene_instance_rotate_scenes_and_devices():
  table = dresden()
  folds = [splits.scene_instance(table, fold)["test"] for fold in range(3)]
  scenes, devices = ([set(table[c].iloc[rows]) for rows in folds] for c in ("scene", "device"))
  assert all(not a & b for a, b in combinations(scenes, 2))
  assert all(not a & b for a, b in combinations(devices, 2))
  assert set.union(*devices) == set(table["device"])


@pytest.mark.parametrize("scenes", [3, 8, 40])
def test_scene_instance_shrinks_in_proportion(scenes):
  table = make_table([(m, d, s, 1, "natural") for m in range(3) for d in range(2) for s in range(scenes)])
  for fold in range(5):
    split = splits.scene_instance(table, fold)
    found = {side: table["scene"].iloc[rows].nunique() for side, rows in split.items()}
    assert sum(found.values()) == scenes
    assert found["test"] == max(1, round(scenes * 11 / 83))


def test_ten_folds_of_scene_instance_are_ten_however_few_the_scenes():
  frame = make_table([(m, d, s, 1, "natural") for m in range(2) for d in range(2) for s in range(16)])
  folds = [tuple(splits.scene_instance(frame, fold)["test"]) for fold in range(10)]
  assert len(set(folds)) == 10


def test_models_with_one_device_stay_out_of_scene_instance():
  table = pd.concat([dresden(), make_table([(9, 0, p, 1, "natural") for p in range(9)])], ignore_index=True)
  assert all("M_9" not in set(table["model"].iloc[rows]) for rows in splits.scene_instance(table, 0).values())


def test_public_is_the_published_split():
  table = dresden()
  split = splits.public(table)
  ids = (table["position"] * 10 + table["motive"]).to_numpy()
  assert set(ids[split["test"]]) == set(splits.PUBLIC_TEST)
  assert set(ids[split["validation"]]) == set(splits.PUBLIC_VALIDATION)
  assert len(set(ids[split["train"]])) == 61
  assert set(table["instance"].iloc[split["test"]]) == {"0"}
  assert {s: len(r) for s, r in split.items()} == {"test": 8 * 20, "validation": 8 * 2 * 24, "train": 8 * 2 * 122}


@pytest.mark.parametrize(("models", "sizes"), [(6, [2, 2, 2]), (26, [16, 8, 2]), (65, [40, 20, 5]), (70, [40, 20, 5])])
def test_model_disjoint_shrinks_in_proportion(models, sizes):
  table = make_table([(m, 0, 1, 1, "natural") for m in range(models) for _ in range(2)])
  split = splits.model_disjoint(table, 0)
  assert [table["model"].iloc[split[key]].nunique() for key in "ABC"] == sizes


@given(table=tables(), k=st.integers(2, 4))
def test_every_image_is_tested_once_by_the_folds(table, k):
  try:
    folds = splits.image_folds(table, k, 0)
  except CannotServe:
    return
  assert len(folds) == k
  tested = np.concatenate([f["test"] for f in folds])
  assert len(set(tested)) == len(tested)
  counts = pd.DataFrame([table["device"].iloc[f["test"]].value_counts() for f in folds]).fillna(0)
  assert (counts.max() - counts.min() <= 1).all()
  for fold in folds:
    assert set(fold["train"]) | set(fold["test"]) == set(tested)


@given(table=tables(), k=st.integers(2, 4))
def test_every_scene_is_tested_once_by_the_folds(table, k):
  try:
    folds = splits.scene_folds(table, k, 0)
  except CannotServe:
    return
  scenes = [set(table["scene"].iloc[f["test"]]) for f in folds]
  assert sorted(s for own in scenes for s in own) == sorted(
    set(table.loc[table["subset"] == "natural", "scene"]) - {""}
  )
  assert max(map(len, scenes)) - min(map(len, scenes)) <= 1


@pytest.mark.parametrize(("column", "value"), [("scene", "1/1"), ("device", "M_0_0"), ("model", "M_0"), ("row", "1")])
def test_an_overlap_is_named(column, value):
  table = make_table([(0, 0, 1, 1, "natural"), (0, 0, 1, 1, "natural")])
  split = {"train": np.array([0, 1]), "test": np.array([1])}
  with pytest.raises(ValueError, match=rf"'?{value}'? stands on two sides, train and test"):
    require_disjoint(table, split, "image" if column == "row" else column)
  require_disjoint(table, {"train": np.array([0]), "test": np.array([1])}, "image")


def test_one_image_under_two_names_is_an_overlap():
  table = make_table([(0, 0, 1, 1, "natural")] * 8)
  table["sha256"] = "same"
  with pytest.raises(ValueError, match="sha256 'same' stands on two sides"):
    splits.stratified(table, 0, 0.1, 0.3)


def test_unknown_scenes_are_nobodys_and_another_subset_can_be_asked_for():
  table = make_table([(0, 0, -1, 1, "flat-field")] * 8)
  with pytest.raises(CannotServe, match=r"by_scene needs .* this table has 8 flat-field images.* 0 known scenes"):
    splits.by_scene(table, 0, 0.1, 0.3, subset="flat-field")
  assert sum(map(len, splits.stratified(table, 0, 0.1, 0.3, subset="flat-field").values())) == 8


@pytest.mark.parametrize("name", splits.PROTOCOLS)
def test_the_settings_of_a_protocol_are_all_that_it_takes(name):
  protocol = splits.PROTOCOLS[name]
  assert protocol.settings.keys() == SEEDED[name].keys()
  assert set(inspect.signature(protocol.split).parameters) - {"table", "subset", "sizes"} == protocol.settings.keys()
