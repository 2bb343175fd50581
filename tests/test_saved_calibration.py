import json

import numpy as np
import pytest

from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.evidence import calibration, saved
from fsim.evidence.calibration import Calibration, Line
from fsim.evidence.expected import Predictor, Spread, Tail
from fsim.evidence.quality import NAMES
from fsim.metrics.scores import OTHER_MODEL, SAME_MODEL
from tests import synthetic_trials

ONES = np.ones(len(NAMES))
CARD = {
  "name": "laboratory",
  "command": "fsim calibrate cameras --out=laboratory.json",
  "fsim": "0.1.0",
  "data": ["photographs of cameras"],
  "counts": {"devices": 40},
  "figures": {"Cllr": 0.2},
  "limits": ["It does not exclude a camera."],
  "similarity": "",
  "left_out": {OTHER_MODEL: {"same": [1.0, 2.0], "different": [-1.0]}},
}
MADE = Calibration(
  Predictor(
    -2.5, 0.1, np.append(0.4, 0 * ONES[1:]), np.append(4, 0 * ONES[1:]), ONES, 0 * ONES - 3, 9 * ONES, (1e4, 1e6)
  ),
  Spread(0.4, 0.2, 0.1, 0.03),
  {SAME_MODEL: Tail(1.1, 0.01, 3.0), OTHER_MODEL: Tail(1.0, 0.01, 2.0)},
  {SAME_MODEL: Line(0.9, -0.1, -1.0, 2.0, 40, 20), OTHER_MODEL: Line(0.9, -0.1, -2.0, 7.0, 40, 700)},
  Line(0.9, -0.1, -2.0, 7.0, 40, 700, 0.8),
  CARD,
)


def write(path, **changed):
  """A file with other fields, whose SHA-256 is right nevertheless."""
  found = json.loads(saved.to_bytes(MADE))
  for name, value in changed.items():
    place, *inner = name.split("__")
    if inner:
      found[place] = found[place] | {inner[0]: value}
    else:
      found[place] = value
  found = {name: value for name, value in found.items() if name != "sha256" and value is not KeyError}
  path.write_text(json.dumps(found | {"sha256": saved._digest(found)}))
  return path


def test_what_was_saved_answers_as_before(tmp_path):
  (tmp_path / "made.json").write_bytes(saved.to_bytes(MADE))
  loaded = saved.load(tmp_path / "made.json")
  trials, _, _ = synthetic_trials.made(devices=8, similarity=True)
  for hypothesis in (SAME_MODEL, OTHER_MODEL):
    assert calibration.ratios(loaded, trials, hypothesis) == calibration.ratios(MADE, trials, hypothesis)
  assert loaded.card == CARD
  assert saved.to_bytes(loaded) == saved.to_bytes(MADE)


def test_one_without_similarity_or_pairs_of_one_model_is_read_too(tmp_path):
  only = {OTHER_MODEL: json.loads(saved.to_bytes(MADE))["lines"][OTHER_MODEL]}
  tails = {OTHER_MODEL: {"deviation": 1.0, "far": 0.01, "wide": 2.0}}
  loaded = saved.load(write(tmp_path / "made.json", fused=None, lines=only, unrelated=tails))
  assert loaded.fused is None
  assert set(loaded.lines) == {OTHER_MODEL}


def test_a_changed_file_is_found_out(tmp_path):
  (tmp_path / "made.json").write_bytes(saved.to_bytes(MADE).replace(b'"high": 7.0', b'"high": 17.0'))
  with pytest.raises(Unreadable, match="SHA-256"):
    saved.load(tmp_path / "made.json")


@pytest.mark.parametrize(
  ("changed", "cause"),
  [
    ({"spread": KeyError}, "'spread' is missing"),
    ({"more": 1}, "'more' is unknown"),
    ({"spread__gone": 0}, "spread.gone"),
    ({"spread__gone": 2.0}, "spread.gone"),
    ({"predictor__slopes": [1.0]}, "predictor.slopes"),
    ({"predictor__scale": [0.0] * len(NAMES)}, "predictor.scale"),
    ({"predictor__features": ["exif"]}, "predictor.features"),
    ({"predictor__low": [10.0] * len(NAMES)}, "ends before it begins"),
    ({"lines__another model": {"slope": 1.0}}, "lines.another model.offset"),
    ({"lines__another model": 3}, "must be an object"),
    ({"lines": {}}, "hypotheses must be"),
    ({"lines__a third": json.loads(saved.to_bytes(MADE))["lines"][OTHER_MODEL]}, "hypotheses must be"),
    ({"fused": {"slope": "1"}}, "fused.slope"),
    ({"card__figures": []}, "card.figures"),
    ({"card__left_out": {OTHER_MODEL: {"same": ["x"], "different": []}}}, "left_out.another model.same"),
    ({"format": "1"}, "format"),
  ],
)
def test_what_no_calibration_can_be_is_refused_by_its_field(tmp_path, changed, cause):
  with pytest.raises(Unreadable, match=cause):
    saved.load(write(tmp_path / "made.json", **changed))


def test_a_slope_that_falls_is_refused(tmp_path):
  line = json.loads(saved.to_bytes(MADE))["lines"][OTHER_MODEL] | {"slope": -1.0}
  with pytest.raises(Unreadable, match="slope"):
    saved.load(write(tmp_path / "made.json", **{"lines__another model": line}))


def test_one_of_a_newer_fsim_says_so(tmp_path):
  with pytest.raises(UserError, match="newer fsim"):
    saved.load(write(tmp_path / "made.json", format=saved.FORMAT + 1))


def test_no_file_holds_what_is_no_number():
  with pytest.raises(ValueError, match="JSON"):
    saved.to_bytes(MADE._replace(spread=Spread(float("nan"), 0.2, 0.1, 0.03)))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff\xd8\xff"])
def test_other_files_are_refused(tmp_path, data):
  (tmp_path / "other.json").write_bytes(data)
  with pytest.raises(Unreadable):
    saved.load(tmp_path / "other.json")
