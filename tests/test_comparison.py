import pytest

from fsim.evidence import comparison
from fsim.metrics.scores import OTHER_MODEL, SAME_MODEL
from tests import sensors
from tests.test_saved_calibration import MADE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  return sensors.folder(tmp_path_factory.mktemp("c") / "all", own=(1, range(5)), other=(2, range(1)))


@pytest.fixture(scope="module")
def camera(folder):
  return comparison.known([folder / f"own_{k}.jpg" for k in range(4)])


def test_the_same_camera_gets_a_larger_ratio_than_another(folder, camera):
  own, other = (comparison.compare(folder / name, camera, MADE, search=False) for name in ("own_4.jpg", "other_0.jpg"))
  for hypothesis in (SAME_MODEL, OTHER_MODEL):
    assert own.ratios[hypothesis].log10 > other.ratios[hypothesis].log10
  assert own.expected > 0
  assert 0 <= own.missed <= 1000


def test_no_statement_has_no_ratio(folder, camera):
  found = comparison.compare(folder / "own_0.jpg", camera, MADE)
  assert "fingerprint was made of" in found.score.reason
  assert set(found.ratios.values()) == {None}
  with pytest.raises(ValueError, match="no statement"):
    comparison.trials_of(found.score, camera)


def test_what_the_calibration_has_not_seen_is_named(folder, camera):
  narrow = MADE._replace(predictor=MADE.predictor._replace(pixels=(1e6, 2e6)))
  assert "pixels" in comparison.compare(folder / "own_4.jpg", camera, narrow, search=False).outside
