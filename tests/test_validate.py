"""`fsim validate`."""

import contextlib
import csv
import hashlib
import io
import json
import re
from pathlib import Path

import pytest

from fsim import weights
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.commands import validate
from fsim.commands.work.validate import collector
from fsim.data.public import recipe
from fsim.evidence import asking, case, collecting, criteria, saved, shipped, strata, validation
from fsim.evidence.selecting import Labelled
from fsim.metrics.scores import OTHER_MODEL, SAME_MODEL
from tests import predictors, sensors
from tests.test_compare import says
from tests.test_saved_calibration import MADE

DEVICES = 6  # Of three models.
pytestmark = pytest.mark.usefixtures("few_draws")


@pytest.fixture(scope="module")
def calibration(tmp_path_factory):
  path = tmp_path_factory.mktemp("calibration") / "own.json"
  path.write_bytes(saved.to_bytes(MADE))
  return path


@pytest.fixture(scope="module")
def source(tmp_path_factory):
  folder = tmp_path_factory.mktemp("cameras") / "cameras"
  folder.mkdir()
  for camera in range(DEVICES):
    for scene in range(5):
      sensors.save(folder / f"Make_M{camera // 2}_{camera % 2}_{scene}.JPG", 20 * camera + scene, camera)
  (folder / "Make_M0_0_9.JPG").write_bytes(b"none")
  return folder


def answer(*arguments):
  with contextlib.redirect_stdout(io.StringIO()) as printed:
    code = validate.main([str(argument) for argument in arguments])
  return code, printed.getvalue()


@pytest.fixture(scope="module")
def made(source, calibration, tmp_path_factory):
  """Exit code, what was printed as JSON, the folder, and the folder of the tables for lir."""
  out = tmp_path_factory.mktemp("out")
  arguments = (source, f"--out={out / 'v'}", f"--calibration={calibration}", f"--export={out / 'lir' / 'r.csv'}")
  code, printed = answer(*arguments, "--json")
  return code, json.loads(printed), out / "v", out / "lir"


def test_a_photograph_that_cannot_be_used_ends_with_1_and_is_named(made):
  assert made[0] == console.INCOMPLETE
  assert [file["file"].rsplit("/", 1)[1] for file in made[1]["left_out"]] == ["Make_M0_0_9.JPG"]


def test_the_answer_is_what_is_written(made):
  assert json.loads((made[2] / "validation.json").read_text()) == made[1]
  assert made[1]["counts"] == {
    "devices": DEVICES,
    "models": 3,
    "photographs": 4 * DEVICES,
  }  # Of three references one and two are taken.


def test_every_method_and_hypothesis_has_its_lines(made):
  lines = {(line["method"], line["against"]): line for line in made[1]["lines"]}
  assert list(lines) == validation.METHODS_AGAINST
  noise = lines["sensor noise", OTHER_MODEL]
  assert len(noise["matrix"]) == len(criteria.load(None).rules)
  assert noise["strata"][0]["measures"]["cllr"]["value"] < 0.9
  for method in ("similarity", "both"):
    assert not lines[method, OTHER_MODEL]["measured"]
    assert "no similarity" in lines[method, OTHER_MODEL]["reason"]


def test_with_few_devices_nothing_is_decided_but_what_is_counted(made):
  rows = [row for line in made[1]["lines"] for row in line["matrix"]]
  assert {row["decision"] for row in rows if row["measure"] != "count_above_100"} == {"not decided"}
  assert all(row["cause"] for row in rows if row["decision"] == "not decided")


def test_the_page_is_whole_and_runs_nothing(made):
  page = (made[2] / "index.html").read_text()
  assert page.count("<svg") == 2 * 5
  assert "<script" not in page
  assert "://" not in re.sub(r'xmlns(:xlink)?="[^"]*"|<!DOCTYPE svg[^>]*>', "", page)
  assert made[1]["sentence"] in page
  for text in ("discriminating power", "robustness", "Tippett", "≤ 0.05", "validation matrix"):
    assert text.lower() in page.lower()


def test_another_call_takes_what_was_measured(made, source, calibration, monkeypatch):
  def never(*_):
    raise AssertionError("it is kept")

  monkeypatch.setattr(collecting, "_compare", never)
  code, printed = answer(source, f"--out={made[2]}", f"--calibration={calibration}")
  assert code == console.INCOMPLETE
  assert "6 devices, 3 models, 24 photographs" in printed
  assert "index.html" in printed


def test_ratios_are_exported_for_lir(made):
  assert sorted(path.name for path in made[3].glob("*.csv")) == ["r_noise_H2a.csv", "r_noise_H2b.csv"]
  rows = list(csv.DictReader(io.StringIO((made[3] / "r_noise_H2b.csv").read_text())))
  whole = next(line for line in made[1]["lines"] if line["against"] == OTHER_MODEL)["strata"][0]
  assert len(rows) == whole["same"] + whole["different"]
  assert len({row["instance"] for row in rows}) == len(rows)


def test_models_of_one_device_each_have_no_line_of_the_same_model(tmp_path, calibration):
  (tmp_path / "s").mkdir()
  for camera in range(2):
    sensors.folder(tmp_path / "s" / f"camera{camera}", x=(camera, range(4)))
  code, printed = answer(tmp_path / "s", f"--calibration={calibration}", "--json")
  lines = {(line["method"], line["against"]): line for line in json.loads(printed)["lines"]}
  assert code == console.ANSWERED
  assert not lines["sensor noise", SAME_MODEL]["measured"]
  assert lines["sensor noise", OTHER_MODEL]["measured"]


def test_a_camera_of_which_nothing_is_used_is_named(tmp_path, calibration, capsys):
  for camera, folder in enumerate(("Alpha/JPEG", "Beta/trip", "Gamma/flat-field")):
    (tmp_path / "s" / folder).parent.mkdir(parents=True)
    sensors.folder(tmp_path / "s" / folder, x=(camera, range(2)))
  code, printed = answer(tmp_path / "s", f"--calibration={calibration}", "--json")
  said = json.loads(printed)
  assert code == console.INCOMPLETE
  assert said["counts"]["devices"] == 2
  assert [one["cause"] for one in said["left_out"]] == [
    *2 * ["a flat-field photograph by its folder, and natural ones are wanted"],
    "no photograph of Gamma_0 is used",
  ]


def test_one_camera_is_too_few(tmp_path, calibration):
  (tmp_path / "s").mkdir()
  sensors.folder(tmp_path / "s" / "camera", x=(1, range(4)))
  with pytest.raises(UserError, match="at least two devices"):
    answer(tmp_path / "s", f"--calibration={calibration}", f"--out={tmp_path / 'out'}")
  assert not (tmp_path / "out" / "index.html").exists()


def test_a_folder_without_photographs_is_named(tmp_path, calibration):
  (tmp_path / "s").mkdir()
  with pytest.raises(UserError, match="no JPEG files"):
    answer(tmp_path / "s", f"--calibration={calibration}")
  with pytest.raises(UserError, match="there is no preset 'virtual/none'"):
    answer("virtual/none", f"--calibration={calibration}")


def test_criteria_that_cannot_be_read_are_named_before_the_work(source, calibration, tmp_path):
  (tmp_path / "c.json").write_text("{")
  with pytest.raises(Unreadable, match=r"c\.json"):
    answer(source, f"--calibration={calibration}", f"--criteria={tmp_path / 'c.json'}")


@pytest.mark.parametrize("name", ["index.html", "validation.json", "r_noise_H2a.csv"])
def test_what_fsim_did_not_write_is_not_replaced_and_said_before_the_work(source, calibration, tmp_path, name):
  (tmp_path / name).write_text("mine")
  with pytest.raises(UserError, match="not as fsim wrote it"):
    answer(source, f"--calibration={calibration}", f"--out={tmp_path}", f"--export={tmp_path / 'r.csv'}")
  assert not (tmp_path / "scores").exists()


def test_export_is_a_csv_and_a_source_is_named(tmp_path):
  for arguments in (["s", f"--export={tmp_path / 'r.txt'}"], [""]):
    with pytest.raises(SystemExit):
      validate.parsed(arguments)


def test_names_from_outside_are_text_on_the_page(made, source, calibration, tmp_path):
  own = json.loads(criteria.DEFAULT.read_text()) | {"name": "<b>ours</b>", "source": "\x1b[31m<i>"}
  (tmp_path / "c.json").write_text(json.dumps(own))
  answer(source, f"--out={made[2]}", f"--calibration={calibration}", f"--criteria={tmp_path / 'c.json'}")
  page = (made[2] / "index.html").read_text()
  assert "&lt;b&gt;ours" in page
  assert "<b>ours" not in page
  assert "\x1b" not in page


def test_every_field_is_explained(made):
  text = (Path(__file__).parent.parent / "docs" / "validation.md").read_text()
  line = made[1]["lines"][0]
  named = [*made[1], *made[1]["source"], *made[1]["counts"], *made[1]["criteria"], *line, *line["matrix"][0]]
  named += [*line["matrix"][0]["data"], *line["matrix"][0]["result"], *line["strata"][0], *made[1]["left_out"][0]]
  assert not [name for name in named if f"`{name}`" not in text and f"`.{name}`" not in text]
  assert not [
    name for name in criteria.MEASURES if f"`{name}`" not in text and f"`_{name.rsplit('_', 1)[1]}`" not in text
  ]
  assert not [name for name in strata.GROUPS if f"`{name}`" not in text]


def test_similarity_is_asked_if_the_calibration_learned_the_weights_that_came_with_fsim(tmp_path, monkeypatch):
  monkeypatch.setattr(weights, "FOLDER", predictors.weights(tmp_path / "all", "similarity").parent)
  own = weights.default("compare").description.sha256
  for learned, asked in ((own, own), ("0" * 64, ""), ("", "")):
    made = MADE._replace(card={**MADE.card, "similarity": learned})
    chosen = shipped.Chosen(made, case.Calibration("own", "1" * 64))
    assert collector(asking.similarity_for(chosen))[1] == asked


def test_scores_are_gathered_with_the_similarity_that_came_with_fsim(source, tmp_path, monkeypatch):
  monkeypatch.setattr(weights, "FOLDER", predictors.weights(tmp_path / "all", "similarity").parent)
  card = {**MADE.card, "similarity": weights.default("compare").description.sha256}
  chosen = shipped.Chosen(MADE._replace(card=card), case.Calibration("own", "1" * 64))
  collect, _ = collector(asking.similarity_for(chosen))
  files = [Labelled(path, path.stem[:9], path.stem[5:7], path.stem[-1]) for path in sorted(source.glob("*_[0-4].JPG"))]
  scores, left_out = collect(files[:15])
  assert not left_out
  assert len(scores.comparisons)
  assert "similarity" in scores.comparisons


@pytest.fixture
def learned(source, tmp_path, monkeypatch):
  """What came with fsim learned from two photographs; it is weights, a calibration that asks them, and one of noise."""
  monkeypatch.setattr(weights, "FOLDER", predictors.weights(tmp_path / "all", "similarity").parent)
  files = sorted(source.glob("*"))[2:4]
  crop = recipe.crops("opencams/train")[0]
  crops = [crop._replace(sha256=hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
  monkeypatch.setattr(recipe, "crops", {crop.set: crops}.__getitem__)
  asks = MADE._replace(card={**MADE.card, "similarity": weights.default("compare").description.sha256})
  (tmp_path / "asks.json").write_bytes(saved.to_bytes(asks))
  monkeypatch.setattr(shipped, "FOLDER", tmp_path / "data")
  (tmp_path / "data").mkdir()
  (tmp_path / "data" / "default.json").write_bytes(saved.to_bytes(MADE._replace(card={**MADE.card, "name": "default"})))
  return files


@pytest.mark.parametrize(
  ("given", "who"),
  [
    (["--calibration=asks.json"], "the weights similarity, version 7 .*"),
    ([], "the calibration that came with fsim"),
    (["--calibration=data/default.json"], "the calibration that came with fsim"),
  ],
)
def test_photographs_that_what_came_with_fsim_learned_from_are_refused(
  source, learned, tmp_path, monkeypatch, given, who
):
  monkeypatch.chdir(tmp_path)
  cause = f"{learned[0].name} and 1 more: {who} learned from these photographs, .*; leave out those of opencams/train$"
  with pytest.raises(UserError, match=cause):
    answer(source, *given)


def test_a_calibration_of_noise_alone_asks_nobody_who_learned_from_them(source, learned, calibration):
  assert answer(source, f"--calibration={calibration}")[0] == console.INCOMPLETE


def test_a_preset_that_the_weights_learned_from_is_refused(learned, tmp_path):
  name = weights.read_card(weights.default("compare").folder)["data"]["source"]
  with pytest.raises(UserError, match=f"{name}: the weights similarity, .* learned from these cameras"):
    answer(name, f"--calibration={tmp_path / 'asks.json'}")


def test_an_interruption_says_that_the_devices_under_way_begin_anew(source, calibration, tmp_path, monkeypatch):
  def interrupted(*_):
    raise KeyboardInterrupt

  arguments = (source, f"--out={tmp_path}", f"--calibration={calibration}")
  with monkeypatch.context() as patch:
    patch.setattr(collecting, "_compare", interrupted)
    code, _, err = says(*arguments, of="validate")
  assert (code, err) == (
    console.INTERRUPTED,
    "fsim: interrupted; the same command begins anew with the 40 devices that were under way\n",
  )
  monkeypatch.setattr(validation, "lines", interrupted)
  assert says(*arguments, of="validate")[2].endswith("fsim: interrupted; the same command goes on from there\n")
