"""Learned noise is an option of fingerprints and matches, and is never mixed with the classical one."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from fsim import prnu
from fsim.boundary.errors import UserError
from fsim.commands import fingerprint, match
from fsim.prnu import about, fingerprints, learned, matching, probe
from fsim.prnu.residuals import compiled_noise, require_sane
from fsim.prnu.settings import DEFAULT, LEARNED, Settings

SIDE = 96


def sensor(seed: int) -> np.ndarray:
  return 0.03 * np.random.default_rng(seed).standard_normal((SIDE, SIDE))


def photograph(gain: np.ndarray, seed: int) -> np.ndarray:
  """Of a soft slope by a strongly patterned sensor."""
  rng = np.random.default_rng(seed)
  slope = 80 + np.linspace(0, 60, SIDE)[:, None] + rng.uniform(0, 30)
  noisy = slope[..., None] * (1 + gain[..., None]) + rng.normal(0, 1.5, (*gain.shape, 3))
  return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """Photographs a0 to a3 of one camera, b0 and b1 of another."""
  made = tmp_path_factory.mktemp("photographs")
  for name, camera, count in (("a", 1, 4), ("b", 2, 2)):
    for k in range(count):
      pixels = photograph(sensor(camera), 10 * camera + k)
      Image.fromarray(pixels).save(made / f"{name}{k}.jpg", quality=98, subsampling=0)
  return made


def test_strips_are_the_whole(monkeypatch):
  for height in (301, 302):
    images = np.random.default_rng(0).integers(0, 255, (1, height, 64, 3), np.uint8)
    residual = compiled_noise(images, LEARNED)
    whole = learned.evidence(images, residual)
    with monkeypatch.context() as patch:
      patch.setattr(learned, "STRIP", 128)
      strips = learned.evidence(images, residual)
    for a, b in zip(whole, strips, strict=True):
      assert a.shape == b.shape == (1, height, 64)
      np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(a).max())


def test_a_learned_fingerprint_finds_its_camera_and_no_other(folder):
  made = prnu.fingerprint([folder / f"a{k}.jpg" for k in range(3)], settings=LEARNED)
  own, other = prnu.match([folder / "a3.jpg", folder / "b0.jpg"], made)
  assert (own.answer, other.answer) == ("match", "no match found")


def test_a_file_says_that_its_noise_is_learned_and_is_met_so(folder, tmp_path):
  made = prnu.fingerprint([folder / f"a{k}.jpg" for k in range(3)], settings=LEARNED)
  prnu.save(tmp_path / "a.npz", made)
  assert prnu.load(tmp_path / "a.npz").settings == LEARNED
  assert prnu.match(folder / "a3.jpg", tmp_path / "a.npz").pce == pytest.approx(
    prnu.match(folder / "a3.jpg", made).pce, rel=0.05
  )


def test_fingerprints_of_two_kinds_of_noise_are_not_merged(folder):
  one = prnu.fingerprint([folder / "a0.jpg"], settings=LEARNED)
  two = prnu.fingerprint([folder / "a1.jpg"], settings=DEFAULT)
  with pytest.raises(UserError, match="settings"):
    fingerprints.merge(one, two)


def test_a_file_from_before_there_was_a_choice_is_classical(folder):
  made = prnu.fingerprint([folder / "a0.jpg"])
  with np.load(io.BytesIO(fingerprints.to_bytes(made))) as file:
    said = json.loads(str(file["about"]))
  assert said["settings"].pop("noise") == "classical"
  assert about.parse(json.dumps(said)).settings == DEFAULT


@pytest.mark.parametrize(
  "settings", [Settings(noise="guessed"), LEARNED._replace(sigma=3.0), LEARNED._replace(wavelet="db8")]
)
def test_settings_that_the_network_does_not_know_are_refused(settings):
  with pytest.raises(UserError, match="noise"):
    require_sane(settings)


def test_two_photographs_are_compared_by_learned_noise_where_it_is_asked_for(folder):
  pair = (folder / "a0.jpg", folder / "a1.jpg")
  answers = [prnu.match(*pair, prnu.Search(settings=settings)) for settings in (LEARNED, DEFAULT)]
  assert [answer.answer for answer in answers] == ["match", "match"]
  patterns = [np.asarray(Image.open(path)) for path in pair]
  a, b = (probe.against_image(pixels[None], LEARNED) for pixels in patterns)
  expected = matching.aligned_pce(a, b).item() / matching.widening(a[0], b[0])
  assert answers[0].pce == pytest.approx(expected, rel=1e-3)
  assert answers[0].pce != pytest.approx(answers[1].pce, rel=1e-3)


def test_the_command_takes_it(folder, tmp_path, capsys):
  out = tmp_path / "a.npz"
  references = [str(folder / f"a{k}.jpg") for k in range(3)]
  assert fingerprint.main([*references, f"--out={out}", "--noise=learned"]) == 0
  assert prnu.load(out).settings == LEARNED
  capsys.readouterr()
  match.main([str(folder / "a3.jpg"), str(folder / "b0.jpg"), "--against", str(out), "--json"])
  assert [answer["answer"] for answer in json.loads(capsys.readouterr().out)] == ["match", "no match found"]


def test_the_command_compares_photographs_by_it(folder, capsys):
  asked = [str(folder / "a0.jpg"), "--against", str(folder / "a1.jpg"), "--json"]
  found = []
  for noise in ("learned", "classical"):
    match.main([*asked, f"--noise={noise}"])
    found.append(json.loads(capsys.readouterr().out)[0]["pce"])
  assert found[0] != pytest.approx(found[1], rel=1e-3)


def test_the_command_refuses_other_settings_beside_it(folder, tmp_path):
  with pytest.raises(UserError, match="learned noise has no other settings"):
    fingerprint.main([str(folder / "a0.jpg"), f"--out={tmp_path / 'a.npz'}", "--noise=learned", "--sigma=3"])
  assert not (tmp_path / "a.npz").exists()
