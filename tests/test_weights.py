"""Weights that come with fsim: what answers without --run is what its card says, or nothing is answered."""

import hashlib
import json
import re
import shutil
import tomllib

import numpy as np
import pytest
from PIL import Image

import fsim
from fsim import commands, weights
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.data.public import recipe
from fsim.systems.model.predictor import SimilarityPredictor
from fsim.weights import card, checking
from tests import jpegs, predictors
from tests.commands import ROOT
from tests.fitted_similarity import texture

SHIPPED = weights.FOLDER
NAMES = weights.names()
NEAR = 0.05  # By which figures may differ on another machine: its virtual photographs differ by single grey levels.


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """Of a stand-in."""
  made = predictors.weights(tmp_path / "shipped")
  monkeypatch.setattr(weights, "FOLDER", made.parent)
  return made


@pytest.fixture
def none(tmp_path, monkeypatch):
  (tmp_path / "shipped").mkdir()
  monkeypatch.setattr(weights, "FOLDER", tmp_path / "shipped")


@pytest.fixture
def fsim_says(capsys):
  """The exit code of a command line, and what was said on both streams."""

  def says(*arguments):
    try:
      code = console.run(commands.main, list(map(str, arguments)))
    except SystemExit as error:  # How argparse ends.
      code = error.code
    return code, *capsys.readouterr()

  return says


@pytest.fixture(scope="module")
def album(tmp_path_factory):
  """Two photographs of one kind and one of another."""
  folder = tmp_path_factory.mktemp("album")
  for name, kind in (("a", "fine"), ("b", "fine"), ("c", "coarse")):
    pixels = Image.fromarray(texture(kind, 300, 300, seed=ord(name)))
    (folder / f"{name}.jpg").write_bytes(jpegs.encode(pixels, quality=98, subsampling=0))
  return folder


def changed(folder, **values):
  path = folder / card.CARD
  path.write_text(json.dumps(json.loads(path.read_text()) | values))


def description(folder):
  """As anyone can compute it."""
  files = [name for name in sorted(path.name for path in folder.iterdir()) if name != card.CARD]
  lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
  return {"name": "camera_models", "version": "7", "sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}


def test_a_group_is_found_without_a_run_and_the_answer_says_by_what(folder, album, fsim_says, tmp_path):
  code, out, err = fsim_says("cluster", album, f"--out={tmp_path / 'groups'}", "--json")
  said = json.loads(out)
  assert code == 0
  assert said["answer"].endswith(f"these do not belong to the largest: {album / 'c.jpg'}")
  assert said["weights"] == description(folder)
  assert json.loads((tmp_path / "groups" / "groups.json").read_text())["weights"] == description(folder)
  assert err.count("\n") == 1
  assert err.startswith(
    "fsim: without --run, the weights that came with fsim answer: camera_models, version 7 (SHA-256 "
  )
  assert description(folder)["sha256"][:12] in err


def test_a_map_is_made_without_a_run_and_says_by_what(folder, fsim_says, tmp_path):
  pixels = texture("coarse", 300, 300, seed=1)
  pixels[80:230, 80:230] = texture("fine", 300, 300, seed=2)[80:230, 80:230]
  (tmp_path / "x.jpg").write_bytes(jpegs.encode(Image.fromarray(pixels), quality=98, subsampling=0))
  code, out, err = fsim_says("splice", tmp_path / "x.jpg", f"--out={tmp_path / 'maps'}", "--json")
  (row,) = json.loads(out)
  assert code == 0
  assert row["marked"] > 0.1
  assert row["weights"] == description(folder)
  assert json.loads((tmp_path / "maps" / "x.map.json").read_text())["weights"] == description(folder)
  assert "the weights that came with fsim answer" in err


def test_a_run_that_is_named_answers_alone_and_says_nothing_of_weights(folder, album, fsim_says, tmp_path):
  run = predictors.model_run(tmp_path / "run")
  (folder / "network.npz").unlink()  # Nobody asks for it.
  code, out, err = fsim_says("cluster", album, f"--run={run}", "--json")
  assert (code, err) == (0, "")
  assert "weights" not in json.loads(out)
  code, out, err = fsim_says("splice", album / "a.jpg", f"--run={run}", f"--out={tmp_path / 'maps'}", "--json")
  assert (code, err) == (0, "")
  assert "weights" not in json.loads(out)[0]


@pytest.mark.parametrize("arguments", [("cluster", "x.jpg"), ("splice", "x.jpg", "--out=maps")])
def test_where_none_are_shipped_a_run_must_be_named(arguments, none, fsim_says):
  code, out, err = fsim_says(*arguments)
  assert (code, out) == (console.USAGE, "")
  wanted = "--run=DIR, a finished run of configs/model.py, since no weights came with this fsim\n"
  assert err.endswith(f"error: the following arguments are required: {wanted}")


def damage(folder, name):
  data = bytearray((folder / name).read_bytes())
  data[-40] ^= 1
  (folder / name).write_bytes(data)


FAULTS = {
  "changed": (lambda f: damage(f, "network.npz"), r"network\.npz: its SHA-256 is not that of the card; .* are damaged"),
  "settings": (lambda f: damage(f, "predictor.json"), r"predictor\.json: its SHA-256 is not that of the card"),
  "missing": (lambda f: (f / "tiles.npz").unlink(), r"tiles\.npz: missing; .* are damaged: install fsim anew"),
  "one more": (lambda f: (f / "x.npz").write_bytes(b""), r"x\.npz: card\.json does not name it"),
  "no card": (lambda f: (f / card.CARD).unlink(), r"card\.json: No such file or directory; .* are damaged"),
  "half a card": (lambda f: (f / card.CARD).write_text("{"), r"card\.json: not JSON"),
  "newer": (lambda f: changed(f, format=4), r"card\.json: of a newer fsim \(format 4, this one reads up to 3\)"),
  "newer, other fields": (
    lambda f: (f / card.CARD).write_text('{"format": 5}'),
    r"of a newer fsim \(format 5, this one reads up to 3\): install that one$",
  ),
  "unknown": (lambda f: changed(f, colour="red"), r"card\.json: the field 'colour' is unknown"),
  "no number": (lambda f: changed(f, format="1"), r"card\.json: the field 'format' must be a whole number"),
  "other name": (lambda f: changed(f, name="other"), r"card\.json: the card of the weights 'other'"),
  "no digest": (lambda f: changed(f, files={"network.npz": "0"}), r"'files\.network\.npz' must be a SHA-256"),
  "outside": (lambda f: changed(f, files={"../x": "0" * 64}), r"'\.\./x' is no name of a file of weights"),
  "other system": (lambda f: changed(f, system="device"), r"the field 'system' must be one of model"),
  "huge": (lambda f: (f / "network.npz").write_bytes(bytes(weights.MAX_BYTES + 1)), r"network\.npz: larger than 12 MB"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_weights_that_are_not_as_their_card_says_answer_nothing(fault, folder, album, fsim_says):
  spoil, cause = FAULTS[fault]
  spoil(folder)
  with pytest.raises(UserError, match=cause):
    weights.default("model")
  code, out, err = fsim_says("cluster", album)
  assert (code, out) == (console.INCOMPLETE, "")
  assert err.count("\n") == 1


def test_files_that_the_card_knows_and_the_networks_do_not_are_named(folder, fsim_says, album):
  (folder / "predictor.json").write_text("{}")
  changed(folder, files=weights.digests(folder))
  code, _, err = fsim_says("cluster", album)
  assert code == console.INCOMPLETE
  assert err.splitlines()[-1].endswith("predictor.json: the field 'size' is missing")


def test_python_has_them_by_name(folder, album):
  assert isinstance(fsim.weights.load("camera_models"), SimilarityPredictor)
  assert fsim.weights.load("camera_models").log_odds(album / "a.jpg", album / "b.jpg") > 2
  place, told = weights.default("model")
  assert (place, told._asdict()) == (folder, description(folder))
  with pytest.raises(UserError, match="no weights other came with this fsim; there are: camera_models"):
    weights.load("other")


def test_there_is_no_default_where_none_are_shipped(none):
  assert not weights.is_shipped("model")
  for system in ("model", "device"):
    with pytest.raises(UserError, match=f"no weights for {system} came with this fsim"):
      weights.default(system)


def test_the_verb_lists_them_and_shows_what_their_licences_ask_for(folder, fsim_says):
  code, out, _ = fsim_says("weights")
  assert code == 0
  assert out.startswith(f"camera_models, version 7 (SHA-256 {description(folder)['sha256'][:12]}), system model, ")
  code, out, _ = fsim_says("weights", "camera_models")
  assert code == 0
  assert "https://github.com/someone/photographs" in out
  assert "2 photographs, CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/)" in out
  assert "- AUC: 0.9 (`fsim train configs/model.py`)" in out
  assert "- textures alone" in out
  code, out, _ = fsim_says("weights", "--json")
  (row,) = json.loads(out)
  assert row == {"sha256": description(folder)["sha256"]} | json.loads((folder / card.CARD).read_text())


def test_the_verb_says_which_are_damaged_and_that_there_are_none(folder, fsim_says):
  predictors.weights(folder.parent, "other")
  damage(folder, "scorer.npz")
  code, out, err = fsim_says("weights")
  assert code == console.INCOMPLETE
  assert out.startswith("other, version 7 ")
  assert "scorer.npz: its SHA-256 is not that of the card" in err
  for name in ("camera_models", "other"):
    shutil.rmtree(folder.parent / name)
  assert fsim_says("weights") == (0, "no weights came with this fsim\n", "")
  assert fsim_says("weights", "--json")[:2] == (0, "[]\n")
  code, _, err = fsim_says("weights", "camera_models")
  assert (code, err) == (1, "fsim: no weights camera_models came with this fsim; there are: none\n")


def test_a_measure_tells_weights_that_learned_from_those_that_did_not():
  known = SimilarityPredictor(predictors.fitted_similarity.made())
  scorer = known.fitted.scorer["params"]
  none = {"params": scorer | {"same_source": {name: np.zeros_like(v) for name, v in scorer["same_source"].items()}}}
  found, nothing = checking.measure(known), checking.measure(SimilarityPredictor(known.fitted._replace(scorer=none)))
  assert found["within"] > found["between"] + 1
  assert found["auc"] > 0.6
  assert nothing == {"within": 0, "between": 0, "auc": 0.5}


def test_they_are_installed_with_the_package():
  settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
  assert "fsim.weights" in settings["packages"]
  patterns = settings["package-data"]["fsim.weights"]
  for name in NAMES:
    present = set((SHIPPED / name).iterdir())
    assert present == {path for pattern in patterns for path in SHIPPED.glob(pattern) if path.parent.name == name}


@pytest.fixture(params=NAMES or [None])
def shipped(request):
  if request.param is None:
    pytest.skip("no weights are shipped yet")
  return SHIPPED / request.param


def test_shipped_weights_are_small_whole_and_described(shipped):
  assert weights.size(shipped) <= weights.MAX_BYTES
  assert weights.checked(shipped).description.name == shipped.name
  said = weights.read_card(shipped)
  assert said["repetition"]
  assert said["limits"]
  assert said["figures"]
  assert not re.search(r"(?<![\w./])/\w", (shipped / card.CARD).read_text())  # A path of one machine.


def test_photographs_that_shipped_weights_learned_from_are_known(shipped):
  said = weights.read_card(shipped)["data"]
  for name, digest in said["recipes"].items():
    assert hashlib.sha256(recipe.table(name)).hexdigest() == digest
  learned = weights.learned(shipped)
  assert len(learned) >= sum(row["count"] for row in said["photographs"])
  assert bool(said["photographs"]) == bool(said["recipes"])  # Others learned from virtual cameras alone.
  assert set(learned.values()) == said["recipes"].keys()


def test_shipped_weights_answer_as_their_card_says(shipped):
  assert shipped.name in weights.DEFAULTS.values()
  card_said = weights.read_card(shipped)
  found, said = checking.MEASURES[card_said["system"]](weights.load(shipped.name)), card_said["check"]
  assert found.keys() == said.keys()
  for name, value in found.items():
    assert value == pytest.approx(said[name], rel=NEAR, abs=NEAR)
