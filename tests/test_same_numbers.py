"""What counts as the same numbers before and after a change of the code."""

import numpy as np
import pandas as pd

from benchmarks.same_numbers import compared, digest, digests_of_tables, leaves


def test_a_value_that_changed_or_is_lost_is_a_difference_and_one_renamed_or_new_is_none():
  before = {"same": 1.0, "changed": 2.0, "old": "abc", "lost": 3.0, "twice": "d"}
  after = {"same": 1.0, "changed": 2.5, "new": "abc", "more": 4.0}
  differ, notes = compared(before, after)
  assert differ == ["changed: 2.0 before, 2.5 after", "lost: 3.0 before, gone after", "twice: d before, gone after"]
  assert notes == ["renamed: old -> new", "new: more"]


def test_two_values_that_are_alike_are_not_both_found_in_one():
  differ, notes = compared({"a": 1, "b": 1}, {"c": 1})
  assert (differ, notes) == (["b: 1 before, gone after"], ["renamed: a -> c"])


def test_digests_tell_values_types_and_shapes_apart():
  x = np.arange(6.0)
  others = (x + np.spacing(x), x.astype(np.float32), x.reshape(2, 3))
  assert len({digest(x), *map(digest, others)}) == 4
  assert digest(x) == digest(x.copy())


def test_tables_are_told_by_their_columns_of_numbers(tmp_path):
  (tmp_path / "empty.csv").touch()
  pd.DataFrame({"a": [1.5], "named": ["x"], "right": [True]}).to_parquet(tmp_path / "scores.parquet")
  pd.DataFrame({"n": [1, 2]}).to_csv(tmp_path / "votes.csv", index=False)
  assert dict(digests_of_tables(tmp_path)).keys() == {"scores.parquet: a", "scores.parquet: right", "votes.csv: n"}


def test_arrays_are_named_by_their_place():
  assert dict(leaves({"params": {"bias": 1}, "opt": [None, {"count": 2}]}, ())) == {"params/bias": 1, "opt/1/count": 2}
