"""Fingerprint files from anybody: what cannot be true is refused in one line that names the file."""

import json
import zipfile

import numpy as np
import pytest

from fsim.boundary.inputs import Unreadable
from fsim.prnu import fingerprints
from fsim.prnu.residuals import DEFAULT

SIDE = 64
RNG = np.random.default_rng(0)
ESTIMATE = RNG.normal(size=(SIDE, SIDE)).clip(-1, 1).astype(np.float16)
WEIGHT = np.ones((SIDE, SIDE), np.float16)
ABOUT = {
  "format": 1,
  "device": "cam",
  "images": ["0" * 64, "1" * 64],
  "settings": DEFAULT._asdict(),
  "size": [SIDE, SIDE],
  "bits": 16,
  "scales": [0.01, 1e5],
}


def write(path, estimate=ESTIMATE, weight=WEIGHT, about=ABOUT):
  np.savez(path, estimate=estimate, weight=weight, about=about if isinstance(about, str) else json.dumps(about))
  return path


def changed(value, *places):
  array = (ESTIMATE if not places else WEIGHT).copy()
  array[3, 4] = value
  return array


def with_settings(**fields):
  return ABOUT | {"settings": ABOUT["settings"] | fields}


def without(name):
  return {key: value for key, value in ABOUT.items() if key != name}


def test_a_file_without_the_newer_fields_loads(tmp_path):
  loaded = fingerprints.load(write(tmp_path / "old.npz"))
  assert (loaded.device, len(loaded.images), loaded.contents, loaded.checked) == ("cam", 2, (), "")
  assert loaded.settings == DEFAULT
  assert np.isfinite(loaded.pattern()).all()


BAD = {
  "nan": {"estimate": changed(np.nan)},
  "infinite": {"weight": changed(np.inf, "weight")},
  "zero": {"estimate": np.zeros_like(ESTIMATE)},
  "constant": {"estimate": np.full_like(ESTIMATE, 0.5)},
  "negative weight": {"weight": changed(-1, "weight")},
  "no weight": {"weight": np.zeros_like(WEIGHT)},
  "integers": {"estimate": ESTIMATE.astype(np.int16)},
  "complex": {"estimate": ESTIMATE.astype(np.complex64)},
  "one axis": {"estimate": ESTIMATE.ravel()},
  "other shape": {"weight": WEIGHT[:-1]},
  "other bits": {"estimate": ESTIMATE.astype(np.float32)},
  "no JSON": {"about": "{"},
  "deep JSON": {"about": "[" * 100_000},
  "JSON of another kind": {"about": "[]"},
  "huge scale": {"about": ABOUT | {"scales": [1e300, 1.0]}},
  "huge number": {"about": ABOUT | {"scales": [10**400, 1.0]}},
  "scale of nothing": {"about": ABOUT | {"scales": [0, 1.0]}},
  "tiny scale": {"about": ABOUT | {"scales": [1e-300, 1.0]}},
  "scale that is no number": {"about": ABOUT | {"scales": [float("nan"), 1.0]}},
  "three scales": {"about": ABOUT | {"scales": [1, 1, 1]}},
  "format": {"about": ABOUT | {"format": 2}},
  "truth as format": {"about": ABOUT | {"format": True}},
  "no device": {"about": without("device")},
  "device of another kind": {"about": ABOUT | {"device": 7}},
  "long device": {"about": ABOUT | {"device": "x" * 10_000}},
  "no images": {"about": ABOUT | {"images": []}},
  "images of another kind": {"about": ABOUT | {"images": "abc"}},
  "no hash": {"about": ABOUT | {"images": ["../../etc/passwd"]}},
  "one image twice": {"about": ABOUT | {"images": ["0" * 64] * 2}},
  "fewer pixel hashes": {"about": ABOUT | {"contents": ["0" * 64]}},
  "size": {"about": ABOUT | {"size": [SIDE, SIDE + 1]}},
  "size of another kind": {"about": ABOUT | {"size": ["64", 64]}},
  "negative size": {"about": ABOUT | {"size": [-64, -64]}},
  "unknown setting": {"about": with_settings(new=1)},
  "missing setting": {"about": ABOUT | {"settings": {"wavelet": "db4"}}},
  "no wavelet": {"about": with_settings(wavelet="db400")},
  "not orthogonal": {"about": with_settings(wavelet="bior2.2")},
  "sigma": {"about": with_settings(sigma=float("inf"))},
  "sigma of another kind": {"about": with_settings(sigma="5")},
  "levels": {"about": with_settings(levels=10**9)},
  "zero mean": {"about": with_settings(zero_mean="x\x1b[2J")},
  "whiten": {"about": with_settings(whiten="yes")},
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_true_is_refused(tmp_path, kind):
  path = write(tmp_path / "x.npz", **BAD[kind])
  with pytest.raises(Unreadable, match=r"x\.npz: not a fingerprint \(.+\)") as refused:
    fingerprints.load(path)
  assert str(refused.value).isprintable()


def test_damaged_files_are_refused(tmp_path):
  whole = write(tmp_path / "whole.npz").read_bytes()
  flipped = bytearray(whole)
  flipped[len(whole) // 3] ^= 1
  contents = {"cut": whole[:-200], "flipped": bytes(flipped), "empty": b"", "text": b"no", "png": b"\x89PNG\r\n\x1a\n"}
  for name, content in contents.items():
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable, match=f"{name}: not a fingerprint"):
      fingerprints.load(tmp_path / name)
  with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("estimate.npy", b"0" * 10_000_000)
  np.savez(tmp_path / "objects.npz", estimate=np.array([{}]), weight=WEIGHT, about="")
  np.save(tmp_path / "plain.npy", ESTIMATE)
  for name in ("bomb.npz", "objects.npz", "plain.npy", "nowhere.npz", "."):
    with pytest.raises(Unreadable, match="not a fingerprint"):
      fingerprints.load(tmp_path / name)


def test_an_estimate_of_rows_alone_has_no_pattern(tmp_path):
  rows = np.tile(ESTIMATE[:, :1], (1, SIDE))
  with pytest.raises(ValueError, match="nothing is left of the fingerprint of cam after cleaning"):
    fingerprints.load(write(tmp_path / "x.npz", estimate=rows)).pattern()
