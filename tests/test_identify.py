import io
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from fsim import identify
from fsim.data.patches import Choice
from fsim.evaluate import namer, openset, svm
from fsim.evaluate.namer import NONE, SILENT, Namer
from fsim.models.extractors import PatchNet
from tests import jpegs

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
  """A namer that tells colours apart by an untrained network's features."""
  variables = PatchNet(classes=3).init(jax.random.key(0), jnp.zeros((1, 64, 64, 3), jnp.uint8))
  blank = svm.Svms(CLASSES, np.zeros((3, 2), int), np.zeros((3, 128)), np.zeros(3), np.zeros(128), np.ones(128), 1.0)
  clouds = openset.Clouds(np.zeros((3, 128)), np.eye(128))
  start = Namer(
    Choice(64, 64, 12, "paper", 0.0, 0.0), "rgb", variables, blank, openset.Rule("distance", 0.0, clouds, {})
  )
  seen = []
  for name in CLASSES:
    image = photo(name)
    blocks = image.reshape(3, 64, 4, 64, 3).transpose(0, 2, 1, 3, 4).reshape(12, 64, 64, 3)
    seen.append(namer.evidence(start, blocks))
  features, labels = np.concatenate([e.features for e in seen]), np.repeat(np.arange(3), 12)
  clouds = openset.clouds(features, labels)
  made = start._replace(svms=svm.fit(features, labels, CLASSES, 1.0, True))
  crops = [namer.evidence(made, photo(name)[None, :64, :64]) for name in CLASSES]
  own = [openset.score(openset.Rule("distance", 0.0, clouds, {}), crop)[0] for crop in crops]
  return made._replace(rule=openset.Rule("distance", 50 * min(own), clouds, {"distance": 1.0}))


@pytest.fixture
def run(known, tmp_path):
  namer.save(tmp_path / "run" / "namer", known)
  return tmp_path / "run"


def saved(tmp_path, name, pixels):
  (tmp_path / name).write_bytes(jpegs.encode(Image.fromarray(pixels), quality=95))
  return str(tmp_path / name)


@pytest.mark.parametrize("name", CLASSES)
def test_an_image_is_named_by_its_votes(known, name):
  verdict = namer.name(known, photo(name))
  assert (verdict.answer, verdict.model, verdict.patches) == (name, name, 12)
  assert verdict.votes == {name: 12}
  assert verdict.margin == 1
  assert verdict.score >= verdict.threshold


def test_a_mixed_image_has_mixed_votes(known):
  verdict = namer.name(known, photo("Ardent_A", "Ardent_A", "Calyx_B", "Ardent_A"))
  assert verdict.model == "Ardent_A"
  assert verdict.votes == {"Ardent_A": 9, "Calyx_B": 3}
  np.testing.assert_allclose(verdict.margin, 0.5)


def test_what_looks_like_nothing_learned_is_none_of_these(known):
  verdict = namer.name(known, np.random.default_rng(0).integers(0, 250, (192, 256, 3)).astype(np.uint8))
  assert verdict.answer == NONE
  assert verdict.model in CLASSES
  assert NONE in identify.sentence(verdict)


def test_too_few_usable_patches_are_no_ground_for_a_statement(known):
  pixels = photo("Ardent_A")
  pixels[:, 64:] = 255
  assert namer.name(known, pixels[:192]).answer == SILENT
  assert namer.name(known, pixels[:40, :40]).patches == 0
  assert "3 usable patches, and at least 4 are needed" in identify.sentence(namer.name(known, pixels))


def test_blocks_are_named_where_they_lie_and_unusable_ones_are_not(known):
  pixels = photo("Ardent_A", "Calyx_B", "Corvin_C", "Calyx_B")
  pixels[70, 10] = 255
  found = namer.blocks(known, pixels)
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


def test_a_map_that_cannot_be_written_is_named(run, tmp_path, capsys):
  image, target = saved(tmp_path, "spliced.jpg", photo("Ardent_A", "Calyx_B")), tmp_path / "absent" / "map.png"
  assert identify.main([image, f"--run={run}", f"--map={target}"]) == 1
  assert f"fsim: {image}: its map {target}: No such file or directory" in capsys.readouterr().err


def test_what_cannot_be_meant_is_refused(run, tmp_path, capsys):
  assert identify.main(["a.jpg", f"--run={tmp_path / 'nothing'}"]) == 1
  assert "is not a finished run of the system patch" in capsys.readouterr().err
  for arguments in (["a.jpg", "b.jpg", "--map=map.png"], ["a.jpg", "--map=map.gif"]):
    with pytest.raises(SystemExit):
      identify.main([*arguments, f"--run={run}"])
    assert "--map takes one image, and the name of a .png file" in capsys.readouterr().err
