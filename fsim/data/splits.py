"""Protocols: pure functions from the table of images to index sets.

Splits are where forensic results go wrong, so each protocol promises what never stands on two of its sides, and raises
if it does. The same table and seed give the same split, in whatever order the rows stand. Only images of one subset
take part, natural ones unless the caller says another, or of several, with commas between them. A protocol that a table
cannot serve raises CannotServe. All that is known of a protocol stands in its line of PROTOCOLS.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Int

from fsim.boundary.errors import UserError
from fsim.data import dividing
from fsim.data.dresden.subsets import NATURAL, listed

Split = dict[str, Int[np.ndarray, " n"]]  # Sorted positions in the table; n differs from side to side.

SIDES = ("train", "validation", "test")
MODELS = ("A", "B", "C")  # To learn features from, to learn to compare from, never seen.
FOLD = ("train", "test")  # Of each split of a list, so that each image is tested once.
SCENES = {"test": 11, "validation": 10, "train": 62}  # Of the 83 scenes of the Dresden database.
# Published with Bondi et al. 2017, as position * 10 + motive. All other scenes train.
PUBLIC_TEST = (61, 101, 192, 202, 312, 351, 372, 391, 402, 412)
PUBLIC_VALIDATION = (22, 42, 132, 142, 181, 212, 281, 292, 301, 302, 331, 392)


class CannotServe(UserError):
  """The table lacks what a protocol needs; the message says what."""


def stratified(table: pd.DataFrame, seed: int, validation: float, test: float, subset: str = NATURAL) -> Split:
  """Each device's images at random: `test` of them, `validation` of them, and the rest to train (Bennabhaktula 2020).

  Every device with two images or more is trained and tested on, with three also validated on; others are dropped.
  """
  return _at_random("stratified", table, seed, dividing.shares(validation, test), subset)


def ratio(table: pd.DataFrame, seed: int, subset: str = NATURAL) -> Split:
  """75/10/15 of each device's images (Athanasiadou et al. 2018)."""
  return _at_random("ratio", table, seed, dividing.shares(0.10, 0.15), subset)


def _at_random(name: str, table: pd.DataFrame, seed: int, shares: dict[str, float], subset: str) -> Split:
  images = dividing.with_several(_images(table, subset), "device", of="row")
  if images.empty:
    raise _cannot(name, "a device with two images", table, subset)
  return kept(name, table, dividing.by_device(images, shares, np.random.default_rng(seed)))


def by_scene(table: pd.DataFrame, seed: int, validation: float, test: float, subset: str = NATURAL) -> Split:
  """Like stratified, but whole scenes: none stands on two sides, not even seen by two devices.

  A device with three scenes is on all sides, one with two in train and test; one with a single scene is dropped.
  """
  images = dividing.with_several(_with_scenes(_images(table, subset)), "device", of="scene")
  if images.empty:
    raise _cannot("by_scene", "a device with two known scenes", table, subset)
  shares = dividing.shares(validation, test)
  sides = dividing.by_scene(images, shares, seed)
  if sides is None:
    raise _cannot("by_scene", "scenes that can be divided so that every device is on every side", table, subset)
  return kept("by_scene", table, _on_sides(images, images["scene"].map(sides)))


def scene_instance(table: pd.DataFrame, fold: int, subset: str = NATURAL) -> Split:
  """Unseen scenes by unseen devices: one device of each model is held out, and photographs other scenes than the rest.

  11 test, 10 validation, 62 training scenes, in proportion where there are fewer. Folds rotate scenes and devices. Only
  models with two devices or more take part.
  """
  images = dividing.with_several(_with_scenes(_images(table, subset)), "model", of="device")
  scenes = sorted(images["scene"].unique())
  tested, validated = (max(1, round(len(scenes) * SCENES[s] / sum(SCENES.values()))) for s in ("test", "validation"))
  turn, first = divmod(fold * tested, max(len(scenes), 1))  # Once all were tested, another order, lest folds repeat.
  order = np.roll(np.random.default_rng(turn).permutation(scenes), -first)  # Neighbouring numbers: same place.
  side = dict.fromkeys(order, "train") | dict.fromkeys(order[:tested], "test")
  side |= dict.fromkeys(order[tested : tested + validated], "validation")
  held_out = {sorted(devices)[fold % len(devices)] for devices in images.groupby("model")["device"].unique()}
  split = _held_out(images, images["scene"].map(side), images["device"].isin(held_out))
  if not _all_models(images, split):
    needs = "three scenes, and models with two devices or more that are all in the scenes of each side"
    raise _cannot("scene_instance", f"{needs} (fold {fold})", table, subset)
  return kept("scene_instance", table, split)


def public(table: pd.DataFrame, subset: str = NATURAL) -> Split:
  """The fixed split published with Bondi et al. 2017: instances 0 in ten scenes against the rest in others."""
  images = dividing.with_several(_with_scenes(_images(table, subset)), "model", of="instance")
  scene = images["position"] * 10 + images["motive"]
  tested, validated = scene.isin(PUBLIC_TEST), scene.isin(PUBLIC_VALIDATION)
  side = pd.Series(np.select([tested, validated], ["test", "validation"], "train"), images.index)
  split = _held_out(images, side, images["instance"] == "0")
  if not _all_models(images, split):
    raise _cannot("public", "the Dresden scenes, seen by instance 0 and another of every model", table, subset)
  return kept("public", table, split)


def model_disjoint(
  table: pd.DataFrame, seed: int, sizes: tuple[int, int, int] = (40, 20, 5), subset: str = NATURAL
) -> Split:
  """Models A for features, B for similarity, C never seen (Mayer & Stamm 2018); keys "A", "B", "C".

  `sizes` are numbers of models, shrunk in proportion where there are fewer, but never below two: pairs are needed.
  """
  images = _images(table, subset)
  models = np.random.default_rng(seed).permutation(sorted(images["model"].unique()))
  if len(models) < 6:
    raise _cannot("model_disjoint", "six models", table, subset)
  b, c = (max(2, round(size * min(1, len(models) / sum(sizes)))) for size in sizes[1:])
  a = min(sizes[0], len(models) - b - c)
  side = dict(zip(models, ["A"] * a + ["B"] * b + ["C"] * c, strict=False))
  return kept("model_disjoint", table, _on_sides(images, images["model"].map(side), MODELS))


def image_folds(table: pd.DataFrame, folds: int, seed: int, subset: str = NATURAL) -> list[Split]:
  """Cross-validation in folds, each device spread evenly (Freire-Obregón et al. 2018). Keys "train" and "test"."""
  images = dividing.with_several(_images(table, subset), "device", of="row")
  if folds < 2 or images.groupby("device").size().max() < folds or images.empty:
    needs = f"two folds or more, and a device with an image for each of {folds} folds"
    raise _cannot("image_folds", needs, table, subset)
  fold = dividing.into_folds(images, folds, np.random.default_rng(seed))
  return _folds("image_folds", table, images["row"].to_numpy(), fold, folds)


def scene_folds(table: pd.DataFrame, folds: int, seed: int, subset: str = NATURAL) -> list[Split]:
  """The same by whole scenes: none is in two folds, not even seen by two devices, and folds have as many scenes."""
  images = _with_scenes(_images(table, subset))
  scenes = np.random.default_rng(seed).permutation(sorted(images["scene"].unique()))
  if folds < 2 or len(scenes) < folds:
    raise _cannot("scene_folds", f"two folds or more, and a known scene for each of {folds} folds", table, subset)
  fold = images["scene"].map(dict(zip(scenes, np.arange(len(scenes)) % folds, strict=True))).to_numpy()
  return _folds("scene_folds", table, images["row"].to_numpy(), fold, folds)


def _folds(
  name: str, table: pd.DataFrame, rows: Int[np.ndarray, " m"], fold: Int[np.ndarray, " m"], k: int
) -> list[Split]:
  folds = [{"train": np.sort(rows[fold != f]), "test": np.sort(rows[fold == f])} for f in range(k)]
  return [kept(name, table, split) for split in folds]


class Protocol(NamedTuple):
  """What can be relied on, and what must be given.

  promises: what is disjoint over all sides; "test device" concerns the test side against the others.
  settings: what `split` takes beside table and subset, by its name in a configuration (`data`, and `seed`), with what a
  folder is tried with. sides: of each split.
  known: what each test image has in common with one to train at least: a system that names devices needs "device", one
  that names models "model", whatever the device; to compare images with each other, nothing must be known.
  """

  split: Callable[..., Split | list[Split]]
  promises: tuple[str, ...]
  settings: dict[str, Any]
  sides: tuple[str, ...] = SIDES
  known: tuple[str, ...] = ()


SHARES = {"validation": 0.1, "test": 0.3}
KNOWN_DEVICES, KNOWN_MODELS = ("device", "model"), ("model",)
APART = ("image", "scene", "test device")
PROTOCOLS: dict[str, Protocol] = {
  "stratified": Protocol(stratified, ("image",), {"seed": 0, **SHARES}, known=KNOWN_DEVICES),
  "by_scene": Protocol(by_scene, ("image", "scene"), {"seed": 0, **SHARES}, known=KNOWN_DEVICES),
  "scene_instance": Protocol(scene_instance, APART, {"fold": 0}, known=KNOWN_MODELS),
  "public": Protocol(public, APART, {}, known=KNOWN_MODELS),
  "ratio": Protocol(ratio, ("image",), {"seed": 0}, known=KNOWN_DEVICES),
  "model_disjoint": Protocol(model_disjoint, ("image", "device", "model"), {"seed": 0}, MODELS),
  "image_folds": Protocol(image_folds, ("image",), {"folds": 10, "seed": 0}, FOLD, KNOWN_DEVICES),
  "scene_folds": Protocol(scene_folds, ("image", "scene"), {"folds": 10, "seed": 0}, FOLD),
}


def serving(settings: Collection[str], sides: tuple[str, ...] = SIDES, known: str = "") -> list[str]:
  """Names of the protocols that take no more than these settings, have these sides and such test images."""
  return [
    name
    for name, protocol in PROTOCOLS.items()
    if protocol.settings.keys() <= set(settings) and protocol.sides == sides and (not known or known in protocol.known)
  ]


def require_disjoint(table: pd.DataFrame, split: Split, *columns: str) -> None:
  """Raises ValueError naming the first value that stands on two sides. "image" means the row and the file's SHA-256."""
  for column in columns:
    if column == "image":
      require_disjoint(table.assign(row=np.arange(len(table))), split, "row", "sha256")
      continue
    values = {side: set(table[column].iloc[rows]) for side, rows in split.items()}
    for one, other in combinations(values, 2):
      shared = values[one] & values[other]
      if shared:
        raise ValueError(f"{column} {min(shared)!r} stands on two sides, {one} and {other}")


def _images(table: pd.DataFrame, subset: str) -> pd.DataFrame:
  """The images of the subset (or several) with their `row`, in an order that does not depend on the table's."""
  images = table.assign(row=np.arange(len(table)))[table["subset"].isin(listed(subset)).to_numpy()]
  return images.sort_values(["sha256", "file"], ignore_index=True)


def _with_scenes(images: pd.DataFrame) -> pd.DataFrame:
  return images[images["scene"] != ""]


def _on_sides(images: pd.DataFrame, side: pd.Series, sides: Sequence[str] = SIDES) -> Split:
  return {name: np.sort(images.loc[side == name, "row"].to_numpy()) for name in sides}


def _held_out(images: pd.DataFrame, side: pd.Series, held_out: pd.Series) -> Split:
  """Test scenes of the held-out devices, the other scenes of the other devices; the rest is used by nobody."""
  used = (side == "test") == held_out
  return _on_sides(images[used], side[used])


def _all_models(images: pd.DataFrame, split: Split) -> bool:
  """Whether every side shows every model."""
  model = images.set_index("row")["model"]
  return len(images) > 0 and all(model[rows].nunique() == model.nunique() for rows in split.values())


def kept(name: str, table: pd.DataFrame, split: Split) -> Split:
  """The split, if it keeps what this protocol promises."""
  for promise in PROTOCOLS[name].promises:
    if promise == "test device":
      others = np.concatenate([rows for side, rows in split.items() if side != "test"])
      require_disjoint(table, {"test": split["test"], "train and validation": others}, "device")
    else:
      require_disjoint(table, split, promise)
  return split


def _cannot(name: str, needs: str, table: pd.DataFrame, subset: str) -> CannotServe:
  images = _images(table, subset)
  scenes = _with_scenes(images)["scene"].nunique()
  has = f"{len(images)} {subset} images, {images['device'].nunique()} devices, {images['model'].nunique()} models"
  return CannotServe(f"{name} needs {needs}; this table has {has}, {scenes} known scenes")
