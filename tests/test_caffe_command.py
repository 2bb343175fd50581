"""From Caffe's files to answers about photographs, by the command line alone."""

import json

import numpy as np
import pytest
from PIL import Image

import fsim
from fsim import commands
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.data import jpeg, patches
from fsim.models.extractors import PatchNet
from fsim.systems.model import fitted as fitted_similarity
from fsim.systems.patch import fitted as fitted_classifier
from tests import caffemodels, jpegs
from tests.networks import applied

CLASSES = [f"Maker_Model{k}" for k in range(7)]
COLOURS = {"Red_A": (170, 90, 80), "Blue_B": (80, 90, 170), "Green_C": (80, 170, 90)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
  folder = tmp_path_factory.mktemp("caffe")
  (folder / "best.caffemodel").write_bytes(caffemodels.caffemodel(caffemodels.weights(), "new"))
  (folder / "mean.binaryproto").write_bytes(caffemodels.blob(caffemodels.mean(), "new"))
  (folder / "names.txt").write_text("\n".join(CLASSES) + "\n\n")
  (folder / "photos").mkdir()
  for model, colour in COLOURS.items():
    for shot in range(3):
      pixels = np.random.default_rng(shot).normal(colour, 25, (256, 384, 3))
      image = Image.fromarray(np.clip(pixels, 0, 254).astype(np.uint8))
      (folder / "photos" / f"{model}_0_{shot}.JPG").write_bytes(jpegs.encode(image, quality=95))
  return folder


def arguments(folder, out, *more):
  return [
    "caffe",
    *(str(folder / name) for name in ("best.caffemodel", "mean.binaryproto")),
    f"--classes={folder / 'names.txt'}",
    f"--out={out}",
    *more,
  ]


@pytest.fixture(scope="module")
def run(files, tmp_path_factory):
  out = tmp_path_factory.mktemp("made") / "run"
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("TFDS_DATA_DIR", str(out.parent / "data"))
    assert commands.main(arguments(files, out, f"--photographs={files / 'photos'}")) == console.ANSWERED
  return out


def test_identify_counts_the_votes_of_the_softmax(files, run, capsys):
  photograph = files / "photos" / "Red_A_0_0.JPG"
  assert commands.main(["identify", str(photograph), f"--run={run}/patch", "--json"]) == console.ANSWERED
  (row,) = json.loads(capsys.readouterr().out)
  known = fitted_classifier.of_run(run / "patch")
  image = jpeg.decode(photograph.read_bytes())
  cut = patches.cut(image, patches.choose(image, known.choice), known.choice.size)
  likeliest = np.argmax(applied(PatchNet(classes=7), known.variables, cut)[1], 1)
  votes = np.bincount(likeliest, minlength=7)
  assert row["votes"] == {CLASSES[k]: int(votes[k]) for k in np.argsort(-votes, kind="stable") if votes[k]}
  assert row["answer"] == row["model"] == CLASSES[votes.argmax()]


def test_cluster_parts_the_models_that_the_photographs_taught(files, run, capsys):
  assert commands.main(["cluster", str(files / "photos"), f"--run={run}/model", "--json"]) == console.ANSWERED
  groups = json.loads(capsys.readouterr().out)["groups"]
  models = [{file.split("/")[-1].split("_0_")[0] for file in group} for group in groups]
  assert sorted(map(sorted, models)) == sorted([model] for model in COLOURS)


def test_splice_takes_it_too(files, run, tmp_path):
  photograph = files / "photos" / "Red_A_0_0.JPG"
  assert commands.main(["splice", str(photograph), f"--run={run}/model", f"--out={tmp_path}"]) == console.ANSWERED


def test_what_is_loaded_is_what_caffe_has(run):
  known = fitted_similarity.of_run(run / "model")
  assert known.variables == {}
  assert known.tile_front == "rgb"
  np.testing.assert_array_equal(known.tiles["batch_stats"]["mean"], caffemodels.mean().transpose(1, 2, 0)[:, :, ::-1])


def test_notebooks_load_both(run):
  assert fsim.load(run / "patch").classes == CLASSES
  assert fsim.load(run / "model").fitted.classes == 7


def test_without_photographs_it_names_and_does_not_compare(files, tmp_path, capsys):
  assert commands.main(arguments(files, tmp_path / "run", "--json")) == console.ANSWERED
  assert json.loads(capsys.readouterr().out)["serves"] == [f"identify --run={tmp_path}/run/patch"]
  with pytest.raises(UserError, match="run/model: no such folder"):
    commands.main(["cluster", str(files / "photos"), f"--run={tmp_path / 'run' / 'model'}"])


def test_nothing_is_written_over(files, run):
  with pytest.raises(UserError, match=r"patch: exists; name another place"):
    commands.main(arguments(files, run))


@pytest.mark.parametrize(
  ("names", "cause"),
  [
    (CLASSES[:6], "the network has 7 classes, and 6 names are given"),
    ([*CLASSES[:6], CLASSES[0]], "each with a name of its own"),
    ([], "and 0 names are given"),
    (None, "not text in UTF-8"),
  ],
)
def test_names_that_do_not_fit_are_refused(files, names, cause, tmp_path):
  for name in ("best.caffemodel", "mean.binaryproto"):
    (tmp_path / name).write_bytes((files / name).read_bytes())
  (tmp_path / "names.txt").write_bytes(b"\xff\xfe" if names is None else "\n".join(names).encode())
  with pytest.raises(UserError, match=f"^{tmp_path}/names.txt: .*{cause}$"):
    commands.main(arguments(tmp_path, tmp_path / "run"))
  assert not (tmp_path / "run" / "patch").exists()


def test_photographs_of_one_model_teach_nothing(files, tmp_path, monkeypatch):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
  (tmp_path / "photos").mkdir()
  for path in (files / "photos").glob("Red*"):
    (tmp_path / "photos" / path.name).write_bytes(path.read_bytes())
  with pytest.raises(UserError, match=f"^{tmp_path}/photos: pairs need two models"):
    commands.main(arguments(files, tmp_path / "run", f"--photographs={tmp_path / 'photos'}"))
  assert not (tmp_path / "run" / "patch").exists()


def test_a_model_of_one_photograph_teaches_as_one_of_two_models(files, run, tmp_path, monkeypatch):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))
  (tmp_path / "photos").mkdir()
  for path in (files / "photos").iterdir():
    (tmp_path / "photos" / path.name).write_bytes(path.read_bytes())
  pixels = np.random.default_rng(9).normal((120, 120, 120), 25, (256, 384, 3))
  image = Image.fromarray(np.clip(pixels, 0, 254).astype(np.uint8))
  (tmp_path / "photos" / "Grey_D_0_0.JPG").write_bytes(jpegs.encode(image, quality=95))
  out = tmp_path / "run"
  assert commands.main(arguments(files, out, f"--photographs={tmp_path / 'photos'}")) == console.ANSWERED
  with_it, without = (fitted_similarity.of_run(one / "model") for one in (out, run))
  assert np.isfinite(with_it.scorer["params"]["offset"]).all()
  assert with_it.scorer["params"]["offset"] != without.scorer["params"]["offset"]
