import io
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.commands import identify, rows, verdicts
from fsim.data.patches import Choice
from fsim.models.extractors import PatchNet
from fsim.systems import svm
from fsim.systems.patch import fitted, openset
from fsim.systems.patch.fitted import NONE, SILENT, FittedClassifier
from tests import jpegs
from tests.networks import drawn

CLASSES = ["Ardent_A", "Calyx_B", "Corvin_C"]
LEVELS = {"Ardent_A": (180, 60, 60), "Calyx_B": (60, 180, 60), "Corvin_C": (60, 60, 180)}


def photo(*names, blocks=(3, 4)):
  """Columns of blocks, each in the colour that stands for a model, with some grain."""
  h, w = 64 * blocks[0], 64 * blocks[1]
  pixels = np.zeros((h, w, 3))
  for k, name in enumerate(names):
    pixels[:, k * w // len(names) : (k + 1) * w // len(names)] = LEVELS.get(name, name)
  return np.clip(pixels + np.random.default_rng(0).normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def known():
  """A fitted system that tells colours apart by an untrained network's features."""
  variables = drawn(PatchNet(classes=3), jnp.zeros((1, 64, 64, 3), jnp.uint8))
  blank = svm.Svms(CLASSES, np.zeros((3, 2), int), np.zeros((3, 128)), np.zeros(3), np.zeros(128), np.ones(128), 1.0)
  gaussians = openset.ClassGaussians(np.zeros((3, 128)), np.eye(128))
  start = FittedClassifier(
    Choice(64, 64, 12, "paper", 0.0, 0.0),
    "rgb",
    "float32",
    variables,
    blank,
    openset.Rule("distance", 0.0, gaussians, {}),
  )
  seen = []
  for name in CLASSES:
    image = photo(name)
    blocks = image.reshape(3, 64, 4, 64, 3).transpose(0, 2, 1, 3, 4).reshape(12, 64, 64, 3)
    seen.append(fitted.outputs_of(start, blocks))
  features, labels = np.concatenate([e.features for e in seen]), np.repeat(np.arange(3), 12)
  gaussians = openset.class_gaussians(features, labels)
  made = start._replace(svms=svm.fit(features, labels, CLASSES, 1.0, True))
  crops = [fitted.outputs_of(made, photo(name)[None, :64, :64]) for name in CLASSES]
  own = [openset.score(openset.Rule("distance", 0.0, gaussians, {}), crop)[0] for crop in crops]
  return made._replace(rule=openset.Rule("distance", 50 * min(own), gaussians, {"distance": 1.0}))


@pytest.fixture
def run(known, tmp_path):
  fitted.save(tmp_path / "run" / "predictor", known)
  return tmp_path / "run"


def saved(tmp_path, name, pixels):
  (tmp_path / name).write_bytes(jpegs.encode(Image.fromarray(pixels), quality=95))
  return str(tmp_path / name)


@pytest.mark.parametrize("name", CLASSES)
def test_an_image_is_named_by_its_votes(known, name):
  verdict = fitted.name(known, photo(name))
  assert (verdict.answer, verdict.model, verdict.patches) == (name, name, 12)
  assert verdict.votes == {name: 12}
  assert verdict.margin == 1
  assert verdict.score >= verdict.threshold


def test_a_mixed_image_has_mixed_votes(known):
  verdict = fitted.name(known, photo("Ardent_A", "Ardent_A", "Calyx_B", "Ardent_A"))
  assert verdict.model == "Ardent_A"
  assert verdict.votes == {"Ardent_A": 9, "Calyx_B": 3}
  np.testing.assert_allclose(verdict.margin, 0.5)


def test_what_looks_like_nothing_learned_is_none_of_these(known):
  verdict = fitted.name(known, np.random.default_rng(0).integers(0, 250, (192, 256, 3)).astype(np.uint8))
  assert verdict.answer == NONE
  assert verdict.model in CLASSES
  assert NONE in verdicts.sentence(verdict)


def test_too_few_usable_patches_are_no_ground_for_a_statement(known):
  pixels = photo("Ardent_A")
  pixels[:, 64:] = 255
  assert fitted.name(known, pixels[:192]).answer == SILENT
  assert fitted.name(known, pixels[:40, :40]).patches == 0
  assert "3 usable patches, and at least 4 are needed" in verdicts.sentence(fitted.name(known, pixels))


def test_blocks_are_named_where_they_lie_and_unusable_ones_are_not(known):
  pixels = photo("Ardent_A", "Calyx_B", "Corvin_C", "Calyx_B")
  pixels[70, 10] = 255
  found = fitted.blocks(known, pixels)
  assert found.tolist() == [[0, 1, 2, 1], [-1, 1, 2, 1], [0, 1, 2, 1]]


def test_the_command_names_every_image_and_goes_on_after_a_bad_one(run, tmp_path, capsys):
  good = saved(tmp_path, "good.jpg", photo("Calyx_B"))
  (tmp_path / "bad.jpg").write_bytes(jpegs.truncated())
  arguments = [str(tmp_path / "bad.jpg"), str(tmp_path / "absent.jpg"), good, f"--run={run}"]
  assert identify.main(arguments) == 1
  captured = capsys.readouterr()
  assert captured.out.startswith(f"{good}: Calyx_B (Calyx_B 12 of 12 votes; margin 1.00; score ")
  first, second = captured.err.strip().splitlines()
  assert first.startswith(f"fsim: {tmp_path / 'bad.jpg'}: ")
  assert second == f"fsim: {tmp_path / 'absent.jpg'}: No such file or directory"
  assert identify.main([*arguments, "--json"]) == 1
  bad, absent, named = json.loads(capsys.readouterr().out)
  assert named["answer"] == "Calyx_B"
  assert named["votes"] == {"Calyx_B": 12}
  assert "error" in bad
  assert absent["error"] == "No such file or directory"


def test_the_map_is_a_picture_and_a_table(run, tmp_path, capsys):
  pixels = photo("Ardent_A", "Calyx_B", "Calyx_B", "Calyx_B")
  pixels[70, 100] = 255
  image = saved(tmp_path, "spliced.jpg", pixels)
  assert identify.main([image, f"--run={run}", f"--map={tmp_path / 'map.png'}"]) == 0
  capsys.readouterr()
  with Image.open(io.BytesIO((tmp_path / "map.png").read_bytes())) as picture:
    assert picture.width > 500
  facts = json.loads((tmp_path / "map.json").read_text())
  assert (facts["size"], facts["stride"], facts["file"]) == (64, 64, image)
  assert facts["blocks"][0] == ["Ardent_A", "Calyx_B", "Calyx_B", "Calyx_B"]
  assert facts["blocks"][1] == ["Ardent_A", None, "Calyx_B", "Calyx_B"]


def test_a_map_replaces_only_maps_and_makes_its_folder(run, tmp_path, capsys):
  image, target = saved(tmp_path, "one.jpg", photo("Ardent_A", "Calyx_B")), tmp_path / "new" / "map.png"
  arguments = [image, f"--run={run}", f"--map={target}"]
  for _ in range(2):
    assert identify.main(arguments) == 0
  written = target.read_bytes()
  (target.parent / "map.json").write_text("my notes")
  capsys.readouterr()
  with pytest.raises(UserError, match=r"map\.json: exists and is not as fsim wrote it"):
    identify.main(arguments)
  assert capsys.readouterr().out == ""  # Before the work.
  assert (target.parent / "map.json").read_text() == "my notes"
  assert target.read_bytes() == written


def test_answers_stand_when_the_command_is_interrupted(run, tmp_path, monkeypatch, capsys):
  images = [saved(tmp_path, f"{k}.jpg", photo("Calyx_B")) for k in range(2)]
  every = rows.read_all

  def interrupted(paths):
    yield next(iter(every(paths)))
    raise KeyboardInterrupt

  monkeypatch.setattr(rows, "read_all", interrupted)
  assert console.run(identify.main, [*images, f"--run={run}"]) == 130
  captured = capsys.readouterr()
  assert captured.out.startswith(f"{images[0]}: Calyx_B (")
  assert captured.err == "fsim: interrupted; nothing is kept: the same command begins anew\n"


def test_files_of_a_folder_are_answered_or_named(run, tmp_path, capsys):
  folder = tmp_path / "photos"
  folder.mkdir()
  saved(folder, "good.jpg", photo("Calyx_B"))
  (folder / "notes.txt").write_text("of no importance")
  assert identify.main([str(folder), f"--run={run}"]) == 0
  captured = capsys.readouterr()
  assert captured.out.startswith(f"{folder / 'good.jpg'}: Calyx_B (")
  assert captured.err == f"fsim: {folder / 'notes.txt'}: left out, no photograph\n"
  (folder / "shot\n.png").write_bytes(jpegs.png())
  assert identify.main([str(folder), f"--run={run}", "--json"]) == 1
  captured = capsys.readouterr()
  assert f"fsim: {folder}/shot\\n.png: left out, a PNG file, not a JPEG" in captured.err.splitlines()
  rows = json.loads(captured.out)
  assert [row["passed_over"] for row in rows[:2]] == ["no photograph", "a PNG file, not a JPEG"]
  assert rows[2]["answer"] == "Calyx_B"
  saved(folder, "second.jpg", photo("Calyx_B"))
  with pytest.raises(UserError, match=r"--map takes one image, and .* has 2"):
    identify.main([str(folder), f"--run={run}", f"--map={tmp_path / 'map.png'}"])


def test_what_cannot_be_meant_is_refused(run, tmp_path, capsys):
  (tmp_path / "notes.txt").write_text("no run")
  for place, cause in (
    ("nothing", "no such folder"),
    ("notes.txt", "not a folder"),
    (".", "the folder predictor is missing"),
  ):
    with pytest.raises(UserError, match=cause):
      identify.main(["a.jpg", f"--run={tmp_path / place}"])
  for arguments in (["a.jpg", "b.jpg", "--map=map.png"], ["a.jpg", "--map=map.gif"]):
    with pytest.raises(SystemExit):
      identify.main([*arguments, f"--run={run}"])
    assert "--map takes one image, and the name of a .png file" in capsys.readouterr().err


def test_a_run_of_another_system_and_one_that_is_not_finished_are_told(tmp_path):
  for system, cause in (
    ("model", "it is one of 'model'"),
    ("patch", "it is not finished, the folder predictor is missing"),
  ):
    (tmp_path / "config.json").write_text(json.dumps({"system": system}))
    with pytest.raises(UserError, match=f"no finished run of the system patch: {cause}"):
      fitted.of_run(tmp_path)


def without(name):
  return lambda arrays: {key: value for key, value in arrays.items() if key != name}


def changed(**changes):
  return lambda arrays: arrays | {name: change(arrays[name]) for name, change in changes.items()}


@pytest.mark.parametrize(
  ("file", "change", "cause"),
  [
    ("svms.npz", without("bias"), "'bias' is missing"),
    ("svms.npz", lambda arrays: arrays | {"more": np.zeros(1)}, "'more' has no place there"),
    ("svms.npz", changed(classes=lambda own: own[[0, 0, 1]]), "each with a name of its own"),
    ("svms.npz", changed(classes=lambda own: own[:2]), "'weights' does not fit 2 classes"),
    ("svms.npz", changed(pairs=lambda own: own[::-1]), "'pairs' does not fit"),
    ("svms.npz", changed(scale=lambda own: 0 * own), "must be positive"),
    ("svms.npz", changed(bias=lambda own: own + np.nan), "not finite"),
    ("svms.npz", changed(weights=lambda own: own.astype(complex)), "no array of numbers or text"),
    ("unknown.npz", changed(score=lambda _: np.array("guess")), "the score must be one of"),
    ("unknown.npz", changed(threshold=lambda _: np.array(np.inf)), "not finite"),
    ("unknown.npz", changed(means=lambda own: own[:, :-1]), "do not fit one another"),
    ("unknown.npz", changed(means=lambda own: own[:-1]), "made for 2 classes and 128 features, not"),
    ("network.npz", changed(**{"params/Conv_1/kernel": lambda own: own.astype(np.float64)}), "must be float32 of"),
    ("network.npz", without("batch_stats/mean"), "'batch_stats/mean' is missing"),
  ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(run, file, change, cause):
  with np.load(run / "predictor" / file) as stored:
    arrays = dict(stored)
  np.savez(run / "predictor" / file, **change(arrays))
  with pytest.raises(UserError, match=f"^{run}: no finished run of the system patch: predictor/{file}: ") as caught:
    fitted.of_run(run)
  assert cause in str(caught.value)
  assert "\n" not in str(caught.value)


def test_a_network_answers_in_the_arithmetic_it_was_trained_in(known, tmp_path):
  fitted.save(tmp_path, known._replace(dtype="bfloat16"))
  pixels = photo("Ardent_A", blocks=(1, 1))[None]
  half, whole = (fitted.outputs_of(one, pixels).features for one in (fitted.load(tmp_path), known))
  np.testing.assert_array_equal(half, half.astype(jnp.bfloat16))  # So few bits are all that there were.
  np.testing.assert_allclose(half, whole, atol=0.05)
  assert (whole != whole.astype(jnp.bfloat16)).any()


@pytest.mark.parametrize("value", ["int8", None, "missing"])
def test_an_arithmetic_that_cannot_be_is_refused(run, value):
  path = run / "predictor" / "input.json"
  shown = json.loads(path.read_text()) | {"dtype": value}
  if value == "missing":
    del shown["dtype"]
  path.write_text(json.dumps(shown))
  with pytest.raises(UserError, match=r"predictor/input.json: the field 'dtype' "):
    fitted.of_run(run)


@pytest.mark.parametrize(
  ("field", "value"),
  [("size", 72), ("stride", 0), ("count", True), ("rule", "best"), ("saturated", 1.5), ("entropy", "4"), ("more", 1)],
)
def test_fields_that_cannot_be_are_refused_by_name(run, field, value):
  path = run / "predictor" / "input.json"
  shown = json.loads(path.read_text())
  shown["choice"][field] = value
  path.write_text(json.dumps(shown))
  with pytest.raises(UserError, match=f"predictor/input.json: the field 'choice.{field}' "):
    fitted.of_run(run)


def test_networks_that_give_no_numbers_give_no_answer(known):
  huge = known.variables | {"params": jax.tree.map(lambda own: np.full_like(own, 1e25), known.variables["params"])}
  with pytest.raises(UserError, match="give numbers that are not finite"):
    fitted.name(known._replace(variables=huge), photo("Calyx_B"))
