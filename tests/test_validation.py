"""What the measures of a validation are, of tables of scores."""

import numpy as np
import pytest

from fsim.boundary.errors import UserError
from fsim.evidence import calibration, compared, strata, validation
from fsim.evidence.validation import BOTH, COUNT, MISSED, NOISE, RISE, SIMILARITY
from fsim.metrics import likelihood_ratios
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL
from tests import known_scores
from tests.test_saved_calibration import CARD, MADE

CLLR_CAL = {f"Cllr_cal, against {OTHER_MODEL}": 0.01}
LEARNED = MADE._replace(fused=None, card=CARD | {"figures": CLLR_CAL})

pytestmark = pytest.mark.usefixtures("few_draws")


def lines_of(scores, made=MADE):
  return {(line.method, line.against): line for line in validation.lines(made, compared.of(scores), lambda: None)}


@pytest.fixture(scope="module")
def lines():
  return lines_of(known_scores.made(similarity=True))


def stratum(line, name):
  return next(measured for measured in line.strata if measured.name == name)


def test_values_are_the_measures_of_the_calibrations_ratios_with_devices_alike(lines):
  found = compared.of(known_scores.made(similarity=True))
  chosen = np.isin(found.data.truths.hypothesis, (SAME_DEVICE, SAME_MODEL))
  trials, truths = found.data.trials.some(chosen), found.data.truths.some(chosen)
  log10 = np.array([ratio.log10 for ratio in calibration.ratios(MADE, trials, SAME_MODEL)])
  cost = likelihood_ratios.cllr(log10, truths.hypothesis == SAME_DEVICE, truths.weights())
  whole = lines[NOISE, SAME_MODEL].strata[0]
  assert whole.estimates["cllr"].value == pytest.approx(cost)
  assert whole.estimates["cllr"].low < cost < whole.estimates["cllr"].high


def test_devices_pairs_and_comparisons_are_counted(lines):
  whole = lines[NOISE, OTHER_MODEL].strata[0]
  asked = 2 * known_scores.ASKED * len(known_scores.COUNTS)
  assert (whole.devices, whole.pairs) == (8, 8 * 6 // 2)
  assert (whole.same, whole.different) == (8 * asked, 8 * 6 * asked)
  assert lines[NOISE, SAME_MODEL].strata[0].pairs == 4


def test_the_noise_alone_does_not_see_the_similarity_that_both_see(lines):
  noise, both, alone = (lines[method, OTHER_MODEL].strata[0] for method in (NOISE, BOTH, SIMILARITY))
  assert noise.estimates["cllr"].value != both.estimates["cllr"].value
  assert both.estimates["eer"].value < noise.estimates["eer"].value
  assert alone.estimates["eer"].value < 0.2


def test_what_is_not_there_is_not_measured_and_says_why():
  lines = lines_of(known_scores.made())
  assert lines[SIMILARITY, OTHER_MODEL].reason == "no similarity was measured in these comparisons"
  assert lines[BOTH, OTHER_MODEL].strata == []
  lines = lines_of(known_scores.made(similarity=True), LEARNED)
  assert lines[BOTH, OTHER_MODEL].reason == "the calibration learned no similarity"
  assert lines[SIMILARITY, OTHER_MODEL].reason == ""
  only = MADE._replace(lines={OTHER_MODEL: MADE.lines[OTHER_MODEL]})
  assert "no ratio against another device" in lines_of(known_scores.made(), only)[NOISE, SAME_MODEL].reason


def test_devices_of_one_model_alone_say_nothing_of_another():
  lines = lines_of(known_scores.made(devices=4, per_model=4))
  assert lines[NOISE, OTHER_MODEL].reason == "no two photographs of devices of two models were compared"
  assert lines[NOISE, SAME_MODEL].reason == ""


def test_strata_hold_what_they_are_named_after(lines):
  line = lines[NOISE, OTHER_MODEL]
  for name, chosen in (
    ("2 references", line.pairs["references"] == 2),
    ("5 references or more", line.pairs["references"] >= 5),
    ("below 0.1 MP", line.pairs["pixels"] == 90_000),
    ("0.3 to 1 MP", line.pairs["pixels"] == 400_000),
    ("JPEG over 92", line.pairs["step"] < 2.5),
    ("JPEG below 82", line.pairs["step"] > 6),
    ("dark", line.pairs["intensity"] < 0.3),
    ("usual light", line.pairs["intensity"] >= 0.3),
  ):
    measured = stratum(line, name)
    assert measured.same + measured.different == chosen.sum() > 0
  assert {measured.group for measured in line.strata} == set(strata.GROUPS)


def test_a_saturated_photograph_is_not_also_dark():
  scores = known_scores.made(devices=4)
  photographs = scores.photographs.assign(saturated=0.5, intensity=0.1)
  found = compared.of(scores._replace(photographs=photographs)).pairs
  assert [name for name, _ in strata.of(strata.EXPOSURE, found)] == ["saturated"]


def test_more_references_and_then_worse_is_a_rise():
  scores = known_scores.made()
  many = scores.comparisons["candidate"].map(scores.candidates["references"].map(len)) == 5
  upside_down = scores.comparisons["z"].where(~many, 0.0)
  bad = lines_of(scores._replace(comparisons=scores.comparisons.assign(z=upside_down)))[NOISE, OTHER_MODEL]
  name, rise = bad.rises[strata.REFERENCES][0].name, bad.rises[strata.REFERENCES][1]
  assert name == "5 references"
  assert rise.low > 0.1
  good = lines_of(scores)[NOISE, OTHER_MODEL].rises[strata.REFERENCES][1]
  assert good.value < 0


def test_of_many_comparisons_some_are_drawn_and_what_misleads_is_counted_in_all(monkeypatch, lines):
  monkeypatch.setattr(validation, "MOST", 50)
  scores = known_scores.made()
  asked = scores.photographs["device"][scores.comparisons["questioned"]].to_numpy()
  held = scores.candidates["device"][scores.comparisons["candidate"]].to_numpy()
  first = np.flatnonzero((asked == "d00") & (held == "d05"))[:4]
  z = scores.comparisons["z"].to_numpy().copy()
  z[first] = 40
  line = lines_of(scores._replace(comparisons=scores.comparisons.assign(z=z)))[NOISE, OTHER_MODEL]
  assert line.curves.different == 50
  assert line.strata[0].estimates[COUNT].value == 4
  assert line.strata[0].different == lines[NOISE, OTHER_MODEL].strata[0].different
  assert len(line.pairs) == line.strata[0].same + line.strata[0].different


def test_where_none_misleads_the_upper_end_is_what_the_data_cannot_exclude(lines):
  whole = lines[NOISE, OTHER_MODEL].strata[0]
  none = whole.estimates["different_above_100"]
  assert (none.value, none.low) == (0, 0)
  assert none.high == pytest.approx(1 - 0.05 ** (1 / whole.pairs))


def test_what_the_answers_tell_of_misses_is_held_to_what_is_missed():
  """The imaginary devices without any noise are missed always, whatever the calibration says."""
  line = lines_of(known_scores.made(strength=0))[NOISE, OTHER_MODEL]
  assert line.strata[0].estimates[MISSED].value > 0.3
  assert lines_of(known_scores.made(strength=40))[NOISE, OTHER_MODEL].strata[0].estimates[MISSED].value < 0


def test_the_loss_is_held_against_that_of_the_calibrations_own_left_out_devices():
  lines = lines_of(known_scores.made(), LEARNED)
  found = lines[NOISE, OTHER_MODEL].strata[0].estimates
  assert found["cllr_cal_beyond_learning"].value == pytest.approx(found["cllr_cal"].value - 0.01)
  assert "cllr_cal_beyond_learning" not in lines[NOISE, SAME_MODEL].strata[0].estimates


def test_a_table_without_what_a_validation_needs_is_refused():
  scores = known_scores.made(devices=2)
  asked = scores.photographs["device"][scores.comparisons["questioned"]].to_numpy()
  held = scores.candidates["device"][scores.comparisons["candidate"]].to_numpy()
  for chosen, cause in (
    (asked != held, "photographs of two scenes"),
    (asked == held, "at least two devices"),
    (asked == "none", "can be compared"),
  ):
    with pytest.raises(UserError, match=cause):
      compared.of(scores._replace(comparisons=scores.comparisons[chosen]))


def test_rises_are_of_the_named_measure(lines):
  assert RISE not in lines[NOISE, OTHER_MODEL].strata[0].estimates
  assert set(lines[NOISE, OTHER_MODEL].rises) == set(strata.ORDERED)
