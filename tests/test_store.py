import numpy as np
import pandas as pd
import pytest

from fsim.store import SignatureStore


def images(*names):
  return pd.DataFrame({"sha256": list(names), "device": [f"device of {n}" for n in names]})


def vectors(n, seed=0):
  return np.random.default_rng(seed).normal(size=(n, 5)).astype(np.float32)


def test_signatures_come_back_in_the_order_asked_for(tmp_path):
  store = SignatureStore(tmp_path, 5)
  values = vectors(3)
  store.add(images("a", "b", "c"), "one", values)
  np.testing.assert_array_equal(store.get(images("c", "a"), "one"), values[[2, 0]])


def test_checkpoints_do_not_mix_and_the_database_outlives_its_object(tmp_path):
  SignatureStore(tmp_path, 5).add(images("a"), "one", vectors(1, 1))
  store = SignatureStore(tmp_path, 5)
  store.add(images("a", "b"), "two", vectors(2, 2))
  assert store.known("one") == {"a"}
  assert store.known("two") == {"a", "b"}
  assert store.known("three") == set()
  np.testing.assert_array_equal(store.get(images("a"), "one"), vectors(1, 1))


def test_a_missing_signature_is_named(tmp_path):
  store = SignatureStore(tmp_path, 5)
  store.add(images("a"), "one", vectors(1))
  with pytest.raises(KeyError, match="b"):
    store.get(images("a", "b"), "one")


def test_more_signatures_than_a_search_returns_by_default(tmp_path):
  store = SignatureStore(tmp_path, 5)
  names = [f"{k:04}" for k in range(2500)]
  store.add(images(*names), "one", vectors(2500))
  assert len(store.known("one")) == 2500
  np.testing.assert_array_equal(store.get(images(*names[::-1]), "one"), vectors(2500)[::-1])
