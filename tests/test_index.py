"""A shortlist by signs, and the 1:N search that looks at it alone."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from fsim.boundary import arrays, console, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.shares import Share
from fsim.commands import match
from fsim.prnu import candidates, comparing, fingerprints, index
from fsim.prnu.fingerprints import Fingerprint
from fsim.prnu.index import Index
from fsim.prnu.settings import DEFAULT, LEARNED
from tests import sensors
from tests.sensors import SIDE


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """Fingerprints of twelve devices, of which number 3 took the photograph in question, and one of another size."""
  folder = tmp_path_factory.mktemp("index")
  (folder / "store").mkdir()
  for camera in range(12):
    rng = np.random.default_rng(camera + 100)
    estimate = sensors.pattern(camera)[..., 0] - 1 + rng.normal(scale=0.02, size=(SIDE, SIDE))
    save(folder / "store" / f"{camera:02}.npz", estimate, camera)
  save(folder / "store" / "small.npz", np.random.default_rng(0).normal(size=(96, 96)), 99)
  sensors.save(folder / "asked.jpg", 1, 3)
  return folder


def save(path, estimate, camera):
  weight = np.full(estimate.shape, 1e5, np.float32)
  made = Fingerprint(estimate.astype(np.float32), weight, f"d{camera}", (f"{camera:064x}",), DEFAULT)
  fingerprints.save(path, made)


def ask(place, capsys, *options):
  code = match.main([str(place / "asked.jpg"), f"--against={place / 'store'}", "--best=2", "--json", *options])
  return code, json.loads(capsys.readouterr().out)


def test_the_index_answers_as_the_search_of_all(place, tmp_path, capsys, monkeypatch):
  """Of three candidates that are looked at; all twelve of the size are paid for in either case."""
  monkeypatch.setattr(comparing, "SHORTLIST", 3)
  code, whole = ask(place, capsys)
  assert (code, whole[0]["candidate"][-6:]) == (0, "03.npz")
  looked, candidate = [], candidates.candidate
  monkeypatch.setattr(candidates, "candidate", lambda path, *own: looked.append(path) or candidate(path, *own))
  code, found = ask(place, capsys, f"--index={tmp_path}")
  assert (code, found[0]) == (0, whole[0])
  assert (found[0]["answer"], found[0]["n_hypotheses"]) == ("match", 12)
  assert len(looked) == 13 + 3 + 1
  looked.clear()
  assert ask(place, capsys, f"--index={tmp_path}") == (0, found)
  assert len(looked) == 3 + 1


def test_a_file_that_changed_and_a_damaged_entry_are_made_anew(place, tmp_path, capsys):
  store = sorted((place / "store").glob("*.npz"))
  made = Index(tmp_path)
  assert made.add(store) == {}
  first, second, third = (made._file(path) for path in store[:3])
  whole = first.read_bytes(), second.read_bytes(), third.read_bytes()
  first.write_bytes(whole[0][:-5])
  os.utime(store[1], ns=(1, 1))
  time = store[2].stat().st_mtime_ns
  store[2].write_bytes(store[2].read_bytes())
  os.utime(store[2], ns=(time, time))  # As copies do that keep the time.
  again = Index(tmp_path)
  again.add(store)
  assert first.read_bytes() == whole[0]
  assert second.read_bytes() != whole[1]
  assert third.read_bytes() != whole[2]
  for kind, (paths, signs) in made.known.items():
    assert again.known[kind][0] == paths
    np.testing.assert_array_equal(again.known[kind][1], signs)


@pytest.mark.parametrize(
  "wrong",
  [
    lambda said: said["kind"][1].__setitem__(0, ["db4"]),
    lambda said: said["kind"][1].__setitem__(0, "no wavelet"),
    lambda said: said["kind"][1].__setitem__(1, 4e300),
    lambda said: said["kind"][1].pop(),
    lambda said: said["kind"].__setitem__(0, [[1], 2]),
    lambda said: said["kind"].__setitem__(0, [160.0, 160.0]),
    lambda said: said["kind"].__setitem__(2, "no"),
    lambda said: said.pop("kind"),
  ],
)
def test_an_entry_that_somebody_wrote_is_made_anew(wrong, place, tmp_path):
  store = sorted((place / "store").glob("*.npz"))[:1]
  made = Index(tmp_path)
  made.add(store)
  entry = made._file(store[0])
  whole = entry.read_bytes()
  found = arrays.read_npz(entry)
  said = json.loads(str(found["about"]))
  wrong(said)
  entry.write_bytes(arrays.to_npz({"signs": found["signs"], "about": json.dumps(said)}))
  assert Index(tmp_path).add(store) == {}
  assert entry.read_bytes() == whole


def test_a_candidate_that_cannot_be_used_is_named(place, tmp_path, capsys):
  (tmp_path / "bad.npz").write_bytes(b"PK none")
  arguments = [str(place / "asked.jpg"), "--against", str(place / "store"), str(tmp_path / "bad.npz"), "--best=1"]
  assert match.main([*arguments, "--json", f"--index={tmp_path / 'i'}"]) == console.INCOMPLETE
  rows = json.loads(capsys.readouterr().out)
  assert [row["candidate"][-7:] for row in rows] == ["/03.npz", "bad.npz"]
  assert "not a fingerprint" in rows[1]["reason"]


def test_the_photograph_counts_not_where_it_cannot_be_used(place, tmp_path, capsys):
  (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
  arguments = [str(tmp_path / "broken.jpg"), f"--against={place / 'store'}", "--best=2", "--json"]
  assert match.main([*arguments, f"--index={tmp_path / 'i'}"]) == console.INCOMPLETE
  (row,) = json.loads(capsys.readouterr().out)
  assert (row["answer"], row["usable"]) == ("no statement", False)


def test_a_process_that_does_not_lead_makes_signs_and_says_nothing(place, tmp_path, capsys, monkeypatch):
  monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
  monkeypatch.setenv("JAX_PROCESS_ID", "1")
  arguments = [str(place / "asked.jpg"), f"--against={place / 'store'}", "--best=2", f"--index={tmp_path}"]
  assert match.main(arguments) == console.ANSWERED
  assert capsys.readouterr().out == ""
  assert len(list(tmp_path.glob("*/*.npz"))) == 13


def test_shares_of_an_index_are_those_of_one_process(place, tmp_path):
  store = sorted((place / "store").glob("*.npz"))
  alone, shared = Index(tmp_path / "one"), Index(tmp_path / "two")
  alone.add(store)
  Index(tmp_path / "two").add(store, Share(1, 2))
  shared.add(store, Share(0, 2))
  for kind, (paths, signs) in alone.known.items():
    assert shared.known[kind][0] == paths
    np.testing.assert_array_equal(shared.known[kind][1], signs)


@pytest.mark.parametrize("size", [(64, 64), (70, 65), (800, 790)])
def test_signs_find_what_a_pattern_has_in_common(size):
  rng = np.random.default_rng(0)
  known, asked = rng.normal(size=(9, *size)), rng.normal(size=size)
  known[4] += asked
  kind, of = index.Kind(size, DEFAULT, False), Index.__new__(Index)
  paths = [Path(str(k)) for k in range(9)]
  of.known = {kind: (paths, np.stack([index.signs(one) for one in known]))}
  assert of.likeliest(kind, asked, 9)[0] == paths[4]
  assert sorted(of.likeliest(kind, asked, 9)) == paths
  assert of.likeliest(kind, -asked, 9)[-1] == paths[4]


@pytest.mark.parametrize("options", [[], ["--best=1", "--reach=3"], ["--best=1", "--turned"]])
def test_an_index_is_for_aligned_photographs_and_the_best(options, place, tmp_path, capsys):
  with pytest.raises(SystemExit):
    match.main([str(place / "asked.jpg"), f"--against={place / 'store'}", f"--index={tmp_path}", *options])
  assert "--index needs --best=N" in capsys.readouterr().err


def test_photographs_kept_with_one_kind_of_noise_are_made_anew_with_another(place, tmp_path):
  photograph = place / "asked.jpg"
  for settings in (DEFAULT, LEARNED, DEFAULT):
    index = Index(tmp_path / "index", settings)
    assert index.add([photograph]) == {}
    assert [kind.settings for kind in index.known] == [settings]


def test_a_disk_that_is_full_is_no_fault_of_a_candidate(place, tmp_path, monkeypatch):
  def full(path, data):
    raise UserError(f"{path}: No space left on device")

  monkeypatch.setattr(outputs, "replace", full)
  with pytest.raises(UserError, match=f"{tmp_path}.*: No space left on device"):
    Index(tmp_path).add([place / "store" / "03.npz"])
