"""Criteria of a validation from a file, and decisions by them."""

import json

import pytest

from fsim.boundary.inputs import Unreadable
from fsim.evidence import criteria
from fsim.evidence.criteria import FAIL, PASS, UNDECIDED, Criteria, Rule
from fsim.evidence.validation import COUNT, NOISE, RISE, SIMILARITY, Line, Measured
from fsim.metrics.likelihood_ratio_intervals import Estimate
from fsim.metrics.scores import OTHER_MODEL, SAME_MODEL

NAN = float("nan")


def rule(measure="cllr", group="all", at_most=0.5, method="any", against="any"):
  return Rule("accuracy", measure, group, method, against, at_most)


def by(*rules, decide_by="value"):
  return Criteria("own", "ours", 10, 20, decide_by, list(rules), "")


def measured(value, low=NAN, high=NAN, group="all", name="all comparisons", devices=12, pairs=60, measure="cllr"):
  return Measured(group, name, devices, pairs, 5, 50, 1.0, {measure: Estimate(value, low, high)})


def line(*strata, rises=None):
  return Line(NOISE, OTHER_MODEL, "", list(strata), rises or {}, None, None)


def decided(one, of, **settings):
  (row,) = criteria.judge(by(one, **settings), of)
  return row


def changed(tmp_path, **fields):
  found = json.loads(criteria.DEFAULT.read_text()) | fields
  (tmp_path / "own.json").write_text(json.dumps(found))
  return tmp_path / "own.json"


def test_a_value_is_held_to_its_limit():
  assert decided(rule(), line(measured(0.5))).decision == PASS
  assert decided(rule(), line(measured(0.51))).decision == FAIL


def test_an_interval_that_crosses_is_told_and_decides_nothing_unless_asked():
  crossing = line(measured(0.4, 0.3, 0.6))
  assert decided(rule(), crossing)[3:5] == (PASS, True)
  assert decided(rule(), crossing, decide_by="interval").decision == UNDECIDED
  assert decided(rule(), line(measured(0.4, 0.3, 0.45)), decide_by="interval").decision == PASS
  assert decided(rule(), line(measured(0.7, 0.6, 0.8)), decide_by="interval").decision == FAIL
  assert decided(rule(), line(measured(0.4)), decide_by="interval").decision == UNDECIDED


def test_the_part_that_decided_is_the_one_that_is_told():
  parts = [measured(0.9, 0.4, 1.4, group="size", name="wide"), measured(0.7, 0.6, 0.8, group="size", name="narrow")]
  row = decided(rule(group="size"), line(*parts), decide_by="interval")
  assert (row.decision, row.stratum.name, row[4]) == (FAIL, "narrow", False)


@pytest.mark.parametrize("few", [{"devices": 9}, {"pairs": 19}])
def test_too_few_devices_or_pairs_decide_nothing(few):
  row = decided(rule(), line(measured(0.9, **few)))
  assert row.decision == UNDECIDED
  assert "too few" in row.cause


def test_what_is_counted_and_too_much_is_a_failure_however_few_the_data():
  count = rule(COUNT, at_most=0.0)
  assert decided(count, line(measured(1.0, 1.0, 1.0, devices=2, pairs=1, measure=COUNT))).decision == FAIL
  assert decided(count, line(measured(0.0, 0.0, 0.0, devices=2, pairs=1, measure=COUNT))).decision == UNDECIDED


def test_of_several_parts_the_worst_with_data_enough_decides():
  parts = [
    measured(0.2, group="size", name="large"),
    measured(0.4, group="size", name="small"),
    measured(0.9, group="size", name="rare", devices=3),
    measured(2.0),
  ]
  row = decided(rule(group="size"), line(*parts))
  assert (row.decision, row.stratum.name, row.undecided) == (PASS, "small", 1)


def test_a_measure_without_a_value_is_not_decided():
  assert decided(rule("devpav"), line(measured(NAN, measure="devpav"))).decision == UNDECIDED
  assert decided(rule("devpav"), line(measured(0.1))).cause == "this cannot be measured here"


def test_a_rise_is_that_of_its_group():
  row = decided(rule(RISE, "size", 0.02), line(rises={"size": (measured(0.0), Estimate(0.1, 0.05, 0.2))}))
  assert row.decision == FAIL
  assert decided(rule(RISE, "references", 0.02), line()).decision == UNDECIDED


def test_a_rule_concerns_its_method_and_hypothesis():
  rules = [rule(method=SIMILARITY), rule(against=SAME_MODEL), rule(method=NOISE, against=OTHER_MODEL)]
  assert [row.rule for row in criteria.judge(by(*rules), line(measured(0.1)))] == rules[2:]


def test_a_line_that_is_not_measured_is_not_judged():
  assert criteria.judge(by(rule()), line(measured(0.1))._replace(reason="no pairs")) == []


def test_the_criteria_that_come_with_fsim_are_read_and_name_every_characteristic():
  found = criteria.load(None)
  assert {one.characteristic for one in found.rules} == set(criteria.CHARACTERISTICS)
  assert Rule("calibration", "cllr_cal", "five references or more", "any", "any", 0.05) in found.rules
  assert Rule("accuracy", COUNT, "all", "any", "any", 0.0) in found.rules


RULE = {
  "characteristic": "accuracy",
  "measure": "cllr",
  "strata": "all",
  "method": "any",
  "against": "any",
  "at_most": 1,
}


def test_a_laboratorys_own_criteria_are_read(tmp_path):
  found = criteria.load(changed(tmp_path, min_devices=30, rules=[RULE]))
  assert found.min_devices == 30
  assert found.rules == [rule(at_most=1.0)]
  assert len(found.sha256) == 64


@pytest.mark.parametrize(
  "fields",
  [
    {"format": 2},
    {"rules": []},
    {"rules": [RULE | {"measure": "luck"}]},
    {"rules": [RULE | {"at_most": "low"}]},
    {"rules": [RULE | {"more": 1}]},
    {"rules": [{name: value for name, value in RULE.items() if name != "strata"}]},
    {"rules": [RULE | {"measure": "cllr_rise"}]},
    {"rules": [RULE | {"measure": "cllr_cal_beyond_learning", "strata": "size"}]},
    {"decide_by": "luck"},
    {"min_devices": 0},
    {"other": 1},
  ],
)
def test_a_file_that_says_something_else_is_refused_and_named(tmp_path, fields):
  with pytest.raises(Unreadable, match=r"own\.json"):
    criteria.load(changed(tmp_path, **fields))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"rules": NaN}'])
def test_a_file_that_is_no_json_object_is_refused(tmp_path, text):
  (tmp_path / "own.json").write_text(text)
  with pytest.raises(Unreadable):
    criteria.load(tmp_path / "own.json")
