import numpy as np
import pandas as pd

from fsim.systems.patch import transfer
from fsim.systems.svm import Chosen

SETTING = Chosen(c=0.1, standardised=False, tried=[])


def world(images=16, each=4, spread=2.0, seed=0):
  """Three models; the first half of each one's images is there to learn from."""
  rng = np.random.default_rng(seed)
  rows = pd.DataFrame(
    [
      {"model": f"M_{m}", "image": m * images + i, "learn": i < images // 2}
      for m in range(3)
      for i in range(images)
      for _ in range(each)
    ]
  )
  centres = 3 * np.random.default_rng(5).normal(size=(3, 6))
  return centres[rows["model"].str[-1].astype(int)] + spread * rng.normal(size=(len(rows), 6)), rows


def test_more_images_teach_more_and_every_size_is_drawn():
  features, rows = world(spread=4.0)
  found = transfer.transfer(features, rows, ["M_0", "M_1", "M_2"], SETTING, (1, 8), 20, seed=0)
  assert found["images"].value_counts().to_dict() == {1: 20, 8: 20}
  means = found.groupby("images")["patch_accuracy"].mean()
  assert 1 / 3 < means[1] < means[8]
  assert found.loc[found["images"] == 8, "patch_accuracy"].nunique() == 1  # All there are: each draw is the same.


def test_a_size_that_a_model_cannot_serve_is_left_out():
  features, rows = world(images=6)
  found = transfer.transfer(features, rows, ["M_0", "M_1", "M_2"], SETTING, (1, 3, 4), 2, seed=0)
  assert sorted(found["images"].unique()) == [1, 3]


def test_what_is_tested_on_is_never_learned_from():
  features, rows = world()
  learn = rows["learn"].to_numpy()
  first = transfer.transfer(features, rows, ["M_0", "M_1", "M_2"], SETTING, (2,), 3, seed=0)
  other = rows["model"].map({"M_0": "M_1", "M_1": "M_2", "M_2": "M_0"})
  swapped = rows.assign(model=np.where(learn, rows["model"], other))
  second = transfer.transfer(features, swapped, ["M_0", "M_1", "M_2"], SETTING, (2,), 3, seed=0)
  # Other truths of the tested images leave the machines as they were: what was right is now wrong.
  assert (first["patch_accuracy"] + second["patch_accuracy"] <= 1).all()
  assert (first["patch_accuracy"] > 0.6).all()


def test_only_models_with_both_sides_can_be_tested():
  _, rows = world()
  assert transfer.testable(rows) == ["M_0", "M_1", "M_2"]
  assert transfer.testable(rows[rows["learn"] | (rows["model"] != "M_1")]) == ["M_0", "M_2"]
