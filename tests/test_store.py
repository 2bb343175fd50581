import signal
import sqlite3
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from fsim import store as stores
from fsim.boundary.errors import UserError
from fsim.store import FILE, SignatureStore
from tests.commands import ROOT

WRITER = """
import sys
import numpy as np, pandas as pd
from pathlib import Path
from fsim.store import SignatureStore
for k in range(10_000):
  images = pd.DataFrame({"sha256": [f"{k}a", f"{k}b"], "device": ["x", "y"]})
  SignatureStore(Path(sys.argv[1]), 5).add(images, "one", np.full((2, 5), k, np.float32))
  print(k, flush=True)
"""


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


def test_an_image_that_is_added_twice_keeps_its_signature(tmp_path):
  store = SignatureStore(tmp_path, 5)
  store.add(images("a"), "one", vectors(1, 1))
  store.add(images("a", "b"), "one", vectors(2, 2))
  np.testing.assert_array_equal(store.get(images("a", "b"), "one"), [vectors(1, 1)[0], vectors(2, 2)[1]])
  store.add(images(), "one", vectors(0))
  assert store.get(images(), "one").shape == (0, 5)


def test_a_kill_while_it_writes_leaves_whole_transactions(tmp_path):
  command = [sys.executable, "-c", WRITER, str(tmp_path)]
  with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
    reached = next(k for k in map(int, writer.stdout) if k == 20)
    writer.send_signal(signal.SIGKILL)
    reached = max([reached, *map(int, writer.stdout)])
  known = SignatureStore(tmp_path, 5).known("one")
  assert known >= {f"{k}{letter}" for k in range(reached + 1) for letter in "ab"}
  assert len(known) % 2 == 0


def test_writers_wait_for_each_other_and_say_so_in_the_end(tmp_path, monkeypatch):
  store = SignatureStore(tmp_path, 5)
  other = sqlite3.connect(tmp_path / FILE, check_same_thread=False)
  other.execute("BEGIN IMMEDIATE")
  monkeypatch.setattr(stores, "PATIENCE", 0.1)
  with pytest.raises(UserError, match=f"{FILE}: database is locked"):
    store.add(images("a"), "one", vectors(1))
  monkeypatch.undo()
  release = threading.Timer(0.3, other.rollback)
  release.start()
  store.add(images("a"), "one", vectors(1))
  release.join()
  other.close()
  assert store.known("one") == {"a"}


def written(tmp_path):
  SignatureStore(tmp_path, 5).add(images(*(str(k) for k in range(500))), "one", vectors(500))
  return tmp_path / FILE


@pytest.mark.parametrize("damage", [lambda data: b"garbage" * 100, lambda data: data[: len(data) // 2]])
def test_a_damaged_file_is_named(damage, tmp_path):
  path = written(tmp_path)
  path.write_bytes(damage(path.read_bytes()))
  with pytest.raises(UserError, match=FILE):
    SignatureStore(tmp_path, 5).get(images("1", "499"), "one")


@pytest.mark.parametrize(
  ("statement", "cause"),
  [
    ("UPDATE signatures SET vector = X'00' WHERE sha256 = '7'", "a signature of another length"),
    (f"UPDATE signatures SET vector = X'0000C07F{'00' * 16}' WHERE sha256 = '7'", "a signature that is no number"),
    ("ALTER TABLE signatures RENAME COLUMN vector TO other", "no such column"),
  ],
)
def test_other_content_is_refused(statement, cause, tmp_path):
  path = written(tmp_path)
  with sqlite3.connect(path) as database:
    database.execute(statement)
  database.close()
  with pytest.raises(UserError, match=cause):
    SignatureStore(tmp_path, 5).get(images("7"), "one")


def test_a_database_of_somebody_else_is_refused_and_left_alone(tmp_path):
  with sqlite3.connect(tmp_path / FILE) as database:
    database.execute("CREATE TABLE bookmarks (url TEXT)")
  database.close()
  before = (tmp_path / FILE).read_bytes()
  with pytest.raises(UserError, match="a database, but not one of fsim's signatures"):
    SignatureStore(tmp_path, 5)
  assert (tmp_path / FILE).read_bytes() == before
