"""Weights are made of a finished run of virtual cameras and opencams/train alone, and state how to repeat it."""

import hashlib
import json
import shlex
import shutil

import numpy as np
import pytest

from fsim import run as runs
from fsim import weights
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.commands import flagged, train
from fsim.data.public import recipe
from fsim.data.sources import open_source
from fsim.systems import finished as finished_runs
from fsim.weights import card, make
from tests import jpegs, predictors
from tests.commands import ROOT

QUICK = f"--config={ROOT}/configs/model.py:quick"
COMMIT = "0123456789" * 4
MIXED = {"protocol": "by_scene,stratified"}


@pytest.fixture(autouse=True)
def _home(monkeypatch, data):
  """Where the data of the finished run are."""
  monkeypatch.setenv("TFDS_DATA_DIR", str(data))


@pytest.fixture
def run(finished, tmp_path):
  """A copy that may be changed."""
  return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def checks(monkeypatch):
  """In the place of figures on photographs, which take seconds."""
  monkeypatch.setitem(make.checking.MEASURES, "model", lambda _: {"auc": 0.5})


def made(run, tmp_path, *more):
  out = tmp_path / "weights"
  arguments = [str(run), "--name=camera_models", "--version=3", f"--commit={COMMIT}", f"--out={out}", *more]
  return console.run(make.main, arguments), out / "camera_models"


def changed(run, **values):
  """A run whose data settings were others, finished as it is."""
  path = run / runs.CONFIG
  config = json.loads(path.read_text())
  path.write_text(json.dumps(config | {"data": config["data"] | values}))
  settings = {name: (config["data"] | values)[name] for name in ("on_error", "merge_d70", "repair_mju", "pattern")}
  images = open_source(values.get("source", config["data"]["source"]), data_dir=None, **settings)
  environment = json.loads((run / runs.ENVIRONMENT).read_text())
  environment["data"]["data_digest"] = images.data_digest
  (run / runs.ENVIRONMENT).write_text(json.dumps(environment))
  runs.seal(run)


def folder_of(tmp_path, count=3):
  folder = tmp_path / "photographs"
  folder.mkdir()
  for shot in range(count):
    (folder / f"Nikon_D70_0_{shot}.JPG").write_bytes(jpegs.jpeg(shot, 96, 96))
  return folder


def known(monkeypatch, folder):
  """Makes photographs those of the recipe."""
  files = sorted(folder.iterdir())
  (first, second), digests = recipe.rows(make.SET)[:2], [hashlib.sha256(f.read_bytes()).hexdigest() for f in files]
  second |= {"repository": "other/photographs", "licence": "CC BY 4.0"}
  rows = [(second if k == 0 else first) | {"sha256": digest} for k, digest in enumerate(digests)]
  monkeypatch.setattr(make.recipe, "rows", lambda name: rows if name == make.SET else [])


def refused(run, tmp_path, capsys):
  """One line, and nothing is left."""
  code, folder = made(run, tmp_path)
  err = capsys.readouterr().err
  assert (code, folder.exists()) == (console.INCOMPLETE, False)
  assert not list(folder.parent.iterdir())
  assert err.count("\n") == 1
  return err


def test_a_finished_run_becomes_weights_that_answer(finished, tmp_path, monkeypatch, capsys):
  code, folder = made(finished, tmp_path)
  assert code == 0
  assert "fill in `repetition`, `limits` and `figures`" in capsys.readouterr().out
  monkeypatch.setattr(weights, "FOLDER", folder.parent)
  assert weights.default("model").description[:2] == ("camera_models", "3")
  for name in ("predictor.json", "network.npz", "tiles.npz", "scorer.npz"):
    assert (folder / name).read_bytes() == (finished / "predictor" / name).read_bytes()
  said = weights.read_card(folder)
  environment = json.loads((finished / runs.ENVIRONMENT).read_text())
  assert said["training"]["packages"] == environment["packages"]
  assert (said["training"]["commit"], said["training"]["seed"]) == (COMMIT, 0)
  assert said["data"]["data_digest"] == environment["data"]["data_digest"]
  assert (said["data"]["source"], said["data"]["photographs"], said["data"]["recipes"]) == ("virtual/several", [], {})
  measured = {name: value for name, value in finished_runs.numbers(finished).items() if np.isfinite(value)}
  assert {row["figure"]: row["value"] for row in said["figures"]} == measured != {}
  assert said["check"].keys() == {"within", "between", "auc"}


def test_the_command_of_the_card_gives_the_settings_of_the_run(finished):
  config = json.loads((finished / runs.CONFIG).read_text())
  (command,) = make.commands(config, "camera_models")
  file, rest = train.config_file(shlex.split(command)[2:])
  again, workdir = flagged.parse(flagged.loaded(ROOT / file, ""), rest)
  again, config = (runs.flat(json.loads(json.dumps(one))) for one in (json.loads(again.to_json()), config))
  assert {key for key in config if config[key] != again[key]} == set()
  assert str(workdir) == "runs/camera_models"


def test_photographs_of_the_recipe_are_named_with_their_licences(run, checks, tmp_path, monkeypatch):
  folder = folder_of(tmp_path)
  changed(run, source=f"virtual/several:0.85,{folder}:0.15", **MIXED)
  known(monkeypatch, folder)
  code, place = made(run, tmp_path)
  assert code == 0
  said = weights.read_card(place)
  rows = {row["repository"]: row for row in said["data"]["photographs"]}
  first = recipe.table(make.SET)
  assert rows["other/photographs"]["count"] == 1
  assert rows["other/photographs"]["licence"] == "CC BY 4.0"
  assert sum(row["count"] for row in rows.values()) == 3
  assert said["data"]["recipes"] == {"opencams/train": hashlib.sha256(first).hexdigest()}
  assert said["data"]["source"] == "virtual/several:0.85,public/opencams/train:0.15"
  fetch, learn = said["training"]["commands"]
  assert fetch == "fsim public --out=public --set=opencams/train"
  assert "--config.data.source=virtual/several:0.85,public/opencams/train:0.15 " in learn
  assert "--config.data.protocol=by_scene,stratified " in learn
  assert str(tmp_path) not in (place / card.CARD).read_text()


def test_other_photographs_are_refused_alone_and_among_known_ones(run, tmp_path, monkeypatch, capsys):
  folder = folder_of(tmp_path)
  changed(run, source=str(folder), protocol="stratified")
  told = "Nikon_D70_0_0.JPG and 2 others: no crop of opencams/train, from which alone weights may learn"
  assert told in refused(run, tmp_path, capsys)
  known(monkeypatch, folder)
  (folder / "Nikon_D70_0_9.JPG").write_bytes(jpegs.jpeg(9, 96, 96))
  changed(run, source=f"virtual/several,{folder}", **MIXED)
  assert f"{folder}/Nikon_D70_0_9.JPG: no crop of opencams/train" in refused(run, tmp_path, capsys)


@pytest.mark.parametrize("source", ["{}", "virtual/tiny,{}", "virtual/tiny:0.9,{}:0.1"])
def test_what_whitens_must_be_virtual(source, run, tmp_path, capsys):
  config = json.loads((run / runs.CONFIG).read_text())
  config["scorer"]["whitening"] = source.format(folder_of(tmp_path))
  (run / runs.CONFIG).write_text(json.dumps(config))
  runs.seal(run)
  assert "scorer.whitening is no virtual camera" in refused(run, tmp_path, capsys)


def with_extractor(run, place):
  config = json.loads((run / runs.CONFIG).read_text())
  config["extractor"]["run"] = str(place)
  (run / runs.CONFIG).write_text(json.dumps(config))
  runs.seal(run)


def test_an_extractor_of_other_weights_is_named_with_what_taught_it(run, checks, tmp_path, monkeypatch, capsys):
  other = predictors.weights(tmp_path / "former")
  with_extractor(run, other)
  told = "the extractor has learned from photographs of someone/photographs, and the run has not"
  assert told in refused(run, tmp_path, capsys)
  folder = folder_of(tmp_path)
  changed(run, source=f"virtual/several:0.85,{folder}:0.15", **MIXED)
  known(monkeypatch, folder)
  rows = [row | {"repository": "someone/photographs"} for row in make.recipe.rows(make.SET)]
  monkeypatch.setattr(make.recipe, "rows", lambda _: rows)
  code, place = made(run, tmp_path)
  assert code == 0
  training = weights.read_card(place)["training"]
  extractor, fetch, learn = training["commands"]
  assert extractor == "fsim train configs/model.py --workdir=runs/extractor"
  assert fetch.startswith("fsim public")
  assert "--config.extractor.run=runs/extractor " in learn
  assert training["extractor"] == f"{weights.checked(other).description}, of fsim at commit {'0' * 40}"
  assert f"Its extractor is that of {training['extractor']}." in card.text(weights.read_card(place))


def test_an_extractor_of_a_run_whose_data_nobody_knows_is_refused(run, tmp_path, capsys):
  with_extractor(run, tmp_path)
  assert "no weights, whose card would say what the extractor has learned from" in refused(run, tmp_path, capsys)


def test_data_that_have_changed_since_are_refused(run, tmp_path, monkeypatch, capsys):
  folder = folder_of(tmp_path)
  known(monkeypatch, folder)
  changed(run, source=str(folder), protocol="stratified")
  (folder / "Nikon_D70_0_2.JPG").unlink()
  assert "the data have changed since the run learned from them" in refused(run, tmp_path, capsys)


def test_an_unfinished_a_changed_and_another_run_are_refused(run, tmp_path, capsys):
  other = predictors.device_run(tmp_path / "device")
  runs.seal(other)
  assert f"{other}: a run of the system device; weights are those of model" in refused(other, tmp_path, capsys)
  (run / "predictor" / "scorer.npz").write_bytes(b"")
  assert "scorer.npz: damaged, not as the run wrote it" in refused(run, tmp_path, capsys)
  (run / runs.RESULTS).unlink()
  assert f"{run}: not a finished run: results.json is missing" in refused(run, tmp_path, capsys)


def test_what_is_too_large_is_refused(finished, checks, tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(weights, "MAX_BYTES", 100_000)
  assert "bytes, and 100,000 may ship" in refused(finished, tmp_path, capsys)


def test_former_weights_are_never_replaced(finished, tmp_path, capsys):
  folder = predictors.weights(tmp_path / "weights")
  code, place = made(finished, tmp_path)
  assert (code, place) == (console.INCOMPLETE, folder)
  assert f"{folder}: exists; remove it first" in capsys.readouterr().err
  assert weights.checked(folder).description.version == "7"


def test_several_folders_and_no_commit_are_refused(tmp_path):
  for name in ("a", "b"):
    (tmp_path / name).mkdir()
  with pytest.raises(UserError, match="give the photographs as one folder"):
    make.renamed(f"virtual/tiny,{tmp_path / 'a'},{tmp_path / 'b'}")
  with pytest.raises(SystemExit) as ended:
    made(tmp_path, tmp_path, "--commit=main")
  assert ended.value.code == console.USAGE
