import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import ConfigDict

from fsim.systems.patch import unknown_models


def settings(named=""):
  return ConfigDict({"data": {"unknown_models": named}})


def table(seed, models=6, images=60, scenes=12):
  rng = np.random.default_rng(seed)
  return pd.DataFrame(
    {
      "model": [f"M_{k}" for k in rng.integers(models, size=images)],
      "scene": [f"{k}/1" if k else "" for k in rng.integers(scenes, size=images)],
    }
  )


def sides(learned, seed):
  """Scenes at random on three sides, of which the last two together see what the first does not."""
  side = np.random.default_rng(seed).integers(4, size=20)
  number = learned["scene"].str.split("/").str[0].replace("", "0").astype(int)
  names = {"train": 0, "validation": 1, "test": 2}
  return {name: learned[(side[number] == k) & (learned["scene"] != "")] for name, k in names.items()}


@given(st.integers(0, 300))
def test_no_stranger_is_tested_in_a_scene_that_anything_was_trained_in(seed):
  whole = table(seed)
  learned = unknown_models.to_learn(whole, settings("M_0, M_1"))
  assert not set(learned["model"]) & {"M_0", "M_1"}
  parts = sides(learned, seed)
  found = unknown_models.of(whole, parts, settings("M_0, M_1"), seed)
  assert set(found["model"]) <= {"M_0", "M_1"}
  tested, learnt = (set(found.loc[found["learn"] == side, "scene"]) for side in (False, True))
  assert not tested & (set(parts["train"]["scene"]) | learnt)
  assert "" not in tested | learnt


def test_without_names_the_models_that_were_not_learned_are_strangers():
  whole = table(0)
  known = whole[whole["model"].isin(["M_2", "M_3"])]
  found = unknown_models.of(whole, sides(known, 0), settings(), 0)
  assert set(found["model"]) == {"M_0", "M_1", "M_4", "M_5"}


def test_a_model_that_is_not_there_is_refused():
  with pytest.raises(ValueError, match="not there: M_9; there are M_0, M_1"):
    unknown_models.to_learn(table(0), settings("M_0,M_9"))


@given(st.integers(0, 300), st.integers(1, 9))
def test_half_of_the_strangers_stand_in_and_no_model_does_both(seed, models):
  whole = table(seed, models)
  marked = unknown_models.validation_unknowns(whole, seed)
  helping, reported = set(whole["model"][marked]), set(whole["model"][~marked])
  assert not helping & reported
  count = whole["model"].nunique()
  assert len(helping) == (count // 2 if count >= 4 else 0)
