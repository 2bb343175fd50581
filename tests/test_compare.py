"""`fsim compare`: photographs in, ratios, words, a case and its page out."""

import contextlib
import hashlib
import io
import json
import re
import shutil
import weakref
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from fsim import commands, weights
from fsim.boundary import console
from fsim.boundary.inputs import Unreadable
from fsim.commands import verify as verb
from fsim.data import photographs
from fsim.evidence import asking, audit, case, comparison, exhibits, saved, shipped, signing, verification, words
from fsim.prnu import membership
from tests import predictors, sensors
from tests.test_saved_calibration import MADE
from tests.test_signing import keys

HOSTILE = "<script>alert(1)<img src=x onerror=alert(2)> & \"'\u202e$x$.jpg"


def expecting(offset):
  """A calibration that expects as much sensor noise as the logarithm of a pixel's signal-to-noise ratio says."""
  return MADE._replace(predictor=MADE.predictor._replace(offset=offset))


CALIBRATION = expecting(-1.0)  # The sensors of these tests have strong patterns.
FEW = 4  # Pictures in memory, of five references and more: what JAX has not let go of yet among them.


def says(*arguments, of="compare"):
  """Exit code, output and remarks of a command line."""
  out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    try:
      code = console.run(commands.main, [of, *map(str, arguments)])
    except SystemExit as error:
      code = error.code
  return code, *(_written(stream) for stream in (out, err))


def _written(stream):
  stream.seek(0)
  return stream.read()


def answered(*arguments):
  code, out, err = says(*arguments, "--json")
  return code, json.loads(out), err


@pytest.fixture(scope="module")
def home(tmp_path_factory):
  """refs: five photographs of camera 1; own and other in question, cut and turned ones, and what is no photograph."""
  place = tmp_path_factory.mktemp("compare")
  sensors.folder(place / "refs", r=(1, range(5)))
  sensors.save(place / "own.jpg", 27, 1)
  sensors.save(place / "other.jpg", 47, 2)
  sensors.save(place / "cut.jpg", 28, 1, crop=sensors.CUT)
  sensors.photograph(29, 1).transpose(Image.Transpose.ROTATE_90).save(place / "turned.jpg", quality=95)
  (place / "text.jpg").write_text("no photograph")
  (place / "own.json").write_bytes(saved.to_bytes(CALIBRATION))
  return place


@pytest.fixture
def here(home, monkeypatch):
  monkeypatch.chdir(home)
  return home


@pytest.fixture(scope="module")
def first(home):
  """A case of two photographs, made once: (exit code, what was printed)."""
  with pytest.MonkeyPatch.context() as patch:
    patch.chdir(home)
    sensors.save(home / HOSTILE, 30, 1)
    return says("own.jpg", "other.jpg", HOSTILE, "--with", "refs", "--calibration=own.json", "--out=case")


@pytest.fixture
def made(first, here, tmp_path):
  """A copy of that case, to be changed."""
  shutil.copytree(here / "case", tmp_path / "case")
  return tmp_path / "case"


def test_the_same_camera_is_supported_and_another_is_not(here):
  code, found, _ = answered("own.jpg", "other.jpg", "--with", "refs", "--calibration=own.json")
  own, other = found["answers"]
  assert code == console.ANSWERED
  for name in ("H2a", "H2b"):
    assert own["ratios"][name]["favours"] == "H1"
    assert own["ratios"][name]["low"] <= own["ratios"][name]["log10"] <= own["ratios"][name]["high"]
    assert other["ratios"][name]["log10"] <= 0
  assert own["ratios"]["H2b"]["words"] in own["sentence"].lower()
  assert own["noise"]["stage"] == "aligned"
  assert other["noise"]["stages"] == ["aligned", "turned", "cut", "cut and resized"]
  assert (found["calibration"]["name"], len(found["references"]["used"])) == ("own", 5)


@pytest.fixture
def decoded(monkeypatch):
  """SHA-256 of the files as they are decoded, and how many pictures were in memory by then."""
  hashes, alive, decode = [], [], photographs.jpeg.decode_with_structure

  def counted(data):
    pixels, found = decode(data)
    pictures.append(weakref.ref(pixels))
    hashes.append(hashlib.sha256(data).hexdigest())
    alive.append(sum(picture() is not None for picture in pictures))
    return pixels, found

  pictures = []
  monkeypatch.setattr(photographs.jpeg, "decode_with_structure", counted)
  return hashes, alive


def sha256(path):
  return hashlib.sha256(path.read_bytes()).hexdigest()


def test_each_photograph_is_decoded_once_and_few_are_in_memory(here, decoded):
  _, found, _ = answered("own.jpg", "--with", "refs", "--calibration=own.json")
  hashes, alive = decoded
  assert sorted(hashes) == sorted(map(sha256, [Path("own.jpg"), *Path("refs").iterdir()]))
  assert max(alive) <= FEW
  assert [Path(row["file"]).name for row in found["references"]["used"]] == [f"r_{k}.jpg" for k in range(5)]


def test_where_one_is_not_linked_the_other_references_are_decoded_again(here, decoded):
  _, found, _ = answered("own.jpg", "--with", "refs", "other.jpg", "--calibration=own.json")
  times = Counter(decoded[0])
  assert times.pop(sha256(Path("own.jpg"))) == times.pop(sha256(Path("other.jpg"))) == 1
  assert list(times.values()) == [2] * 5
  assert max(decoded[1]) <= FEW
  _, alone, _ = answered("own.jpg", "--with", "refs", "--calibration=own.json")
  (own,), (same,) = found["answers"], alone["answers"]
  for name in own["ratios"]:
    assert own["ratios"][name]["log10"] == pytest.approx(same["ratios"][name]["log10"], abs=1e-4)
  assert own["noise"]["z"] == pytest.approx(same["noise"]["z"], rel=1e-5)
  assert found["references"]["used"] == alone["references"]["used"]


def test_where_nothing_matches_it_says_what_that_is_worth(here):
  code, out, _ = says("other.jpg", "--with", "refs", "--calibration=own.json")
  assert code == console.ANSWERED
  assert words.NO_EXCLUSION in out
  assert re.search(r"of a thousand photographs like these .* (about \d+|fewer than one) would", out)
  assert all(f"{name}: " in out for name in words.HYPOTHESES)


def test_two_photographs_alone_are_answered_with_a_hint(here):
  code, found, _ = answered("other.jpg", "--with", "own.jpg", "--calibration=own.json")
  assert code == console.ANSWERED
  assert found["answers"][0]["statement"]
  assert "usable references: 1" in found["answers"][0]["hint"]


def test_a_cut_and_a_turned_photograph_are_found_out_and_pay_for_it(here):
  _, found, _ = answered("own.jpg", "cut.jpg", "turned.jpg", "--with", "refs", "--calibration=own.json")
  own, cut, turned = (answer["noise"] for answer in found["answers"])
  assert (cut["stage"], cut["shift"]) == ("cut", [16, 8])
  assert (turned["stage"], turned["turns"]) == ("turned", 3)
  assert own["looks"] < turned["looks"] < cut["looks"]
  assert cut["aligned_z"] < cut["z"]


def test_references_without_common_noise_are_refused_unless_trusted_and_then_say_little(here, tmp_path):
  for k in range(4):
    sensors.save(tmp_path / f"{k}.jpg", 70 + k, 10 + k)
  code, out, err = says("own.jpg", "--with", tmp_path, "--calibration=own.json")
  assert (code, out) == (console.INCOMPLETE, "")
  assert "--trusted takes all as given" in err
  code, found, _ = answered(
    "own.jpg", "--with", tmp_path, "--calibration=own.json", "--trusted", f"--out={tmp_path / 'case'}"
  )
  assert code == console.ANSWERED
  assert abs(found["answers"][0]["ratios"]["H2b"]["log10"]) < 0.5
  assert case.read(tmp_path / "case")["parameters"]["trusted"] is True


def test_a_file_that_is_no_photograph_is_named_and_the_others_are_answered(here):
  code, found, err = answered("text.jpg", "own.jpg", "--with", "refs", "gone.jpg", "--calibration=own.json")
  assert code == console.INCOMPLETE
  assert [answer["questioned"] for answer in found["answers"]] == ["own.jpg"]
  assert {row["file"]: row["role"] for row in found["left_out"]} == {"text.jpg": "questioned", "gone.jpg": "reference"}
  assert "text.jpg: no image that can be read" in err
  assert "gone.jpg: No such file" in err
  assert err.count("fsim: ") == 2


def test_a_photograph_on_both_sides_is_no_evidence_about_itself(here):
  code, found, _ = answered("refs/r_1.jpg", "--with", "refs", "--calibration=own.json")
  (answer,) = found["answers"]
  assert code == console.ANSWERED
  assert not answer["statement"]
  assert answer["sentence"].startswith("No statement: this very")
  assert "leave it out" in answer["hint"]
  assert answer["ratios"] == {"H2b": None, "H2a": None}


def test_a_copy_among_the_references_is_named_with_its_original_and_costs_nothing(here, tmp_path):
  shutil.copytree("refs", tmp_path / "refs")
  shutil.copy("refs/r_0.jpg", tmp_path / "refs" / "r_0 (1).jpg")
  code, found, err = answered("own.jpg", "--with", tmp_path / "refs", "--calibration=own.json")
  assert code == console.ANSWERED
  (row,) = found["left_out"]
  names = [Path(row["file"]).name, Path(row["cause"].removeprefix("a copy of ")).name]
  assert sorted(names) == ["r_0 (1).jpg", "r_0.jpg"]
  assert f"left out {row['file']}: {row['cause']}" in err
  assert len(found["references"]["used"]) == 5


@pytest.mark.parametrize(
  ("arguments", "cause"),
  [
    (("own.jpg", "--with", "text.jpg", "--calibration=own.json"), "text.jpg: no image that can be read"),
    (("text.jpg", "--with", "refs", "--calibration=own.json"), "text.jpg: no image that can be read"),
    (("own.jpg", "--with", "gone", "--calibration=own.json"), "gone: No such file"),
    (("own.jpg", "--with", "refs", "--calibration=text.jpg"), "text.jpg: not JSON"),
    (("own.jpg", "--with", "refs", "--calibration=gone.json"), "gone.json: No such file"),
    (("own.jpg", "--with", "refs", "--calibration=own.json", "--run=refs"), "refs: no finished run"),
  ],
)
def test_what_leaves_no_answer_ends_in_one_line_and_without_a_case(here, arguments, cause):
  code, out, err = says(*arguments, "--out=none")
  assert (code, out) == (console.INCOMPLETE, "")
  assert cause in err.splitlines()[-1]
  assert not (here / "none" / "case.json").exists()


def test_without_any_calibration_it_says_how_to_make_one(here, monkeypatch, tmp_path):
  monkeypatch.setattr(shipped, "FOLDER", tmp_path)
  code, _, err = says("own.jpg", "--with", "refs")
  assert code == console.INCOMPLETE
  assert "fsim calibrate" in err


def test_the_calibration_that_came_with_fsim_answers(here, monkeypatch, tmp_path):
  shutil.copy(here / "own.json", tmp_path / f"{shipped.DEFAULT}.json")
  monkeypatch.setattr(shipped, "FOLDER", tmp_path)
  _, found, _ = answered("own.jpg", "--with", "refs", f"--out={tmp_path / 'case'}")
  assert found["calibration"] == {"name": shipped.DEFAULT, "sha256": case.hashed("", here / "own.json").sha256}
  assert verification.verify(tmp_path / "case").findings == []
  (tmp_path / f"{shipped.DEFAULT}.json").write_bytes(saved.to_bytes(MADE))
  (finding,) = verification.verify(tmp_path / "case").findings
  assert "other calibration" in str(finding)


def test_a_run_that_the_calibration_did_not_learn_is_shown_beside_the_ratio(here, tmp_path):
  predictors.model_run(tmp_path / "run")
  arguments = ("own.jpg", "--with", "refs/r_0.jpg", "--calibration=own.json")
  _, plain, _ = answered(*arguments)
  _, found, _ = answered(*arguments, f"--run={tmp_path / 'run'}", f"--out={tmp_path / 'case'}")
  assert asking.BESIDE in found["similarity"]
  assert found["answers"][0]["noise"]["similarity"] is not None
  assert found["answers"][0]["ratios"] == plain["answers"][0]["ratios"]
  assert verification.verify(tmp_path / "case").findings == []
  said = case.read(tmp_path / "case")
  assert verification.again(said, verb.REPEATABLE["compare"]) == []
  network = next(row["path"] for row in said["inputs"] if row["role"] == "run")
  Path(network).write_bytes(b"other")
  assert Path(network).name in str(verification.verify(tmp_path / "case").findings[0])


def test_weights_that_the_calibration_learned_enter_the_ratio(here, monkeypatch, tmp_path):
  predictors.weights(tmp_path / "weights", "similarity")
  monkeypatch.setattr(weights, "FOLDER", tmp_path / "weights")
  learned = CALIBRATION._replace(card=CALIBRATION.card | {"similarity": weights.default("compare").description.sha256})
  (tmp_path / "learned.json").write_bytes(saved.to_bytes(learned))
  arguments = ("own.jpg", "--with", "refs/r_0.jpg")
  _, plain, _ = answered(*arguments, "--calibration=own.json")
  _, found, _ = answered(*arguments, f"--calibration={tmp_path / 'learned.json'}", f"--out={tmp_path / 'case'}")
  assert (plain["similarity"].split(",")[0], found["similarity"][:10]) == ("none", "similarity")
  assert plain["answers"][0]["noise"]["similarity"] is None
  assert found["answers"][0]["noise"]["similarity"] is not None
  assert case.read(tmp_path / "case")["weights"]["name"] == "similarity"
  assert verification.verify(tmp_path / "case").findings == []


def test_a_folder_of_somebody_else_is_left_alone(here, tmp_path):
  (tmp_path / "report.html").write_text("mine")
  code, _, err = says("own.jpg", "--with", "refs", "--calibration=own.json", f"--out={tmp_path}")
  assert code == console.INCOMPLETE
  assert "not as fsim wrote it" in err
  assert (tmp_path / "report.html").read_text() == "mine"


def test_signing_needs_a_case(here):
  assert says("own.jpg", "--with", "refs", "--sign=key.pem")[0] == console.USAGE


# The case.


def test_a_case_holds_and_gives_the_same_again(first, here):
  code, out, _ = first
  assert code == console.ANSWERED
  assert "head SHA-256" in out
  said = case.read(here / "case")
  assert [row["file"] for row in said["outputs"]] == ["report.html"]
  assert {row["role"] for row in said["inputs"]} == {"questioned", "reference", "calibration"}
  code, out, err = says("case", "--again", of="verify")
  assert code == console.ANSWERED, err
  assert "computed again, with the same result" in out


def test_another_result_is_found_by_computing_it_again(made):
  said = case.read(made)
  said["result"]["answers"][0]["noise"]["z"] *= 1.01
  (finding,) = verification.again(said, verb.REPEATABLE["compare"])
  assert "answers.0.noise.z" in str(finding)


def test_an_edited_page_and_a_swapped_photograph_are_found(made, here):
  (made / "report.html").write_bytes((made / "report.html").read_bytes().replace(b"support", b"SUPPORT", 1))
  data = (here / "other.jpg").read_bytes()
  try:
    (here / "other.jpg").write_bytes((here / "own.jpg").read_bytes())
    assert {Path(f.file).name for f in verification.verify(made).findings} == {"report.html", "other.jpg"}
  finally:
    (here / "other.jpg").write_bytes(data)


def test_a_signed_case_is_of_its_key(here, tmp_path):
  private, public = keys(tmp_path)
  arguments = ("own.jpg", "--with", "refs/r_0.jpg", "--calibration=own.json", f"--out={tmp_path / 'case'}")
  assert says(*arguments, f"--sign={private}")[0] == console.ANSWERED
  assert verification.verify(tmp_path / "case", signing.read_public(public)).findings == []


@pytest.mark.parametrize(
  "wrong",
  [
    {"parameters": {}},
    {"parameters": {"calibration": 3, "run": None, "passed_over": []}},
    {"parameters": {"calibration": "other.json", "run": None, "passed_over": []}},
    {"parameters": {"calibration": None, "run": None, "passed_over": [{"file": 1}]}},
    {"inputs": [{"role": "witness", "path": "own.jpg", "sha256": "0" * 64, "bytes": 1}]},
    {"inputs": []},
  ],
)
def test_a_case_that_this_verb_did_not_write_is_refused(made, here, monkeypatch, tmp_path, wrong):
  monkeypatch.setattr(shipped, "FOLDER", tmp_path)
  (finding,) = verification.again(case.read(made) | wrong, verb.REPEATABLE["compare"])
  assert not finding.checked
  assert "could not be computed again" in str(finding)


@pytest.fixture
def rewriting(here, monkeypatch, tmp_path):
  """Copies of the photographs; and compares them while a file, by its name, is emptied whenever a step begins."""
  shutil.copytree("refs", tmp_path / "refs")
  for name in ("own.jpg", "cut.jpg", "other.jpg"):
    shutil.copy(name, tmp_path)
  monkeypatch.chdir(tmp_path)

  def compared(place, step, name, *arguments):
    real = getattr(place, step)

    def then(*given, **named):
      Path(name).write_bytes(b"")
      return real(*given, **named)

    with monkeypatch.context() as patch:
      patch.setattr(place, step, then)
      return says(*arguments, f"--calibration={here / 'own.json'}", "--out=case", "--json")

  return compared


def gives_the_same_again():
  found = verification.verify(Path("case")).findings
  return found == [] == verification.again(case.read(Path("case")), verb.REPEATABLE["compare"])


@pytest.mark.parametrize(("name", "role"), [("own.jpg", "questioned"), ("refs/r_2.jpg", "reference")])
def test_a_photograph_that_is_rewritten_before_it_is_read_is_named_and_the_others_are_answered(rewriting, name, role):
  code, out, err = rewriting(comparison, "known", name, "own.jpg", "cut.jpg", "--with", "refs")
  found = json.loads(out)
  assert (code, err.count("fsim: ")) == (console.INCOMPLETE, 1)
  assert f"left out {name}: changed while it was read" in err
  assert found["left_out"] == [{"role": role, "file": name, "cause": "changed while it was read"}]
  assert found["answers"][-1]["questioned"] == "cut.jpg"
  assert len(found["answers"]) + len(found["references"]["used"]) == 6
  assert gives_the_same_again()


def test_a_photograph_that_is_rewritten_once_it_was_read_is_answered_as_it_was(rewriting):
  code, out, err = rewriting(exhibits, "_thumbnail", "refs/r_0.jpg", "own.jpg", "--with", "refs")
  assert code == console.ANSWERED, err
  assert len(json.loads(out)["references"]["used"]) == 5


def test_a_reference_that_is_rewritten_before_it_is_read_again_is_passed_over(rewriting):
  """The others are read again without the one that is of another camera."""
  code, out, err = rewriting(membership, "check", "refs/r_0.jpg", "own.jpg", "--with", "refs", "other.jpg")
  found = json.loads(out)
  assert (code, err.count("fsim: ")) == (console.INCOMPLETE, 2)
  assert [row["file"] for row in found["left_out"]] == ["refs/r_0.jpg", "other.jpg"]
  assert (len(found["answers"]), len(found["references"]["used"])) == (1, 4)
  assert gives_the_same_again()


def test_the_only_reference_that_is_rewritten_leaves_no_answer_and_is_one_line(rewriting):
  code, out, err = rewriting(membership, "check", "refs/r_0.jpg", "own.jpg", "--with", "refs/r_0.jpg")
  assert (code, out, err) == (console.INCOMPLETE, "", "fsim: refs/r_0.jpg: changed while it was read\n")


def test_a_calibration_that_is_rewritten_while_it_is_read_is_refused(here, tmp_path, monkeypatch):
  shutil.copy("own.json", tmp_path)
  asked = asking.request([here / "own.jpg"], [here / "refs" / "r_0.jpg"], tmp_path / "own.json", None)
  (tmp_path / "own.json").write_bytes(saved.to_bytes(MADE))
  with pytest.raises(Unreadable, match=r"own\.json: changed while it was read"):
    asking.carry_out(asked)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_answer_is_told_though_its_case_cannot_be_written(here, monkeypatch, tmp_path, form):
  monkeypatch.setattr(case, "MAX_BYTES", 1000)
  arguments = ("own.jpg", "--with", "refs/r_0.jpg", "--calibration=own.json")
  code, out, err = says(*arguments, f"--out={tmp_path / 'case'}", *form)
  assert (code, out) == (console.INCOMPLETE, says(*arguments, *form)[1])
  assert err == f"fsim: {tmp_path / 'case'}: more than a case can hold; name another folder, or fewer photographs\n"
  assert not (tmp_path / "case" / "case.json").exists()


def test_more_files_than_a_case_holds_are_refused_before_the_work(here, monkeypatch, tmp_path):
  monkeypatch.setattr(case, "MAX_FILES", 6)
  monkeypatch.setattr(asking, "carry_out", None)
  code, out, err = says("own.jpg", "--with", "refs", "--calibration=own.json", f"--out={tmp_path / 'case'}")
  assert (code, out) == (console.INCOMPLETE, "")
  assert err == f"fsim: {tmp_path / 'case'}: a case can hold 6 files, and these are 7; make several cases\n"


def test_the_answers_to_as_many_photographs_as_a_case_holds_fit(first, here):
  """By the largest of this case, and twice as much is left."""
  said = case.read(here / "case")
  each = sum(max(len(console.to_json(row)) for row in rows) for rows in (said["result"]["answers"], said["inputs"]))
  assert 2 * each * case.MAX_FILES < case.MAX_BYTES == audit.MAX_LINE < audit.MAX_BYTES / 3


def test_a_working_folder_that_goes_away_meanwhile_costs_nothing(here, monkeypatch, tmp_path):
  (tmp_path / "gone").mkdir()
  monkeypatch.chdir(tmp_path / "gone")
  real = asking.carry_out
  monkeypatch.setattr(asking, "carry_out", lambda request: (tmp_path / "gone").rmdir() or real(request))
  arguments = [here / "own.jpg", "--with", here / "refs" / "r_0.jpg", f"--calibration={here / 'own.json'}"]
  code, out, err = says(*arguments, f"--out={tmp_path / 'case'}")
  assert (code, err) == (console.ANSWERED, "")
  assert case.read(tmp_path / "case")["directory"] == str(tmp_path / "gone")
  code, out, err = says(*arguments, f"--out={tmp_path / 'case'}")
  assert (code, out) == (console.INCOMPLETE, "")
  assert "the working folder is not there any more" in err
  assert verification.verify(tmp_path / "case").findings == []


# The page.


class Page(HTMLParser):
  """Elements with their attributes, and all text."""

  def __init__(self, data):
    super().__init__()
    self.tags, self.text = [], []
    self.feed(data)

  def handle_starttag(self, tag, attributes):
    self.tags.append((tag, dict(attributes)))

  def handle_data(self, data):
    self.text.append(data)


@pytest.fixture
def page(made):
  return Page((made / "report.html").read_text())


def test_the_page_says_what_the_case_says(page, made):
  text = " ".join(" ".join(page.text).split())
  said = case.read(made)
  for answer in said["result"]["answers"]:
    assert answer["sentence"] in text
  for row in said["inputs"][:3]:
    assert row["sha256"] in text
  assert said["result"]["calibration"]["sha256"] in text
  for name, told in words.HYPOTHESES.items():
    assert name in text
    assert told in text
  assert "fsim compare own.jpg other.jpg" in text


def test_the_page_needs_nothing_but_itself_and_runs_nothing(page):
  assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "link", "form"}
  sources = [value for _, a in page.tags for name, value in a.items() if name in ("src", "href", "xlink:href")]
  assert sources
  assert all(value.startswith(("data:image/", "#")) for value in sources)
  assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]


def test_hostile_names_are_text(page, first):
  assert "<script>alert(1)" in " ".join(page.text)
  assert "\u202e" not in " ".join(page.text)
  assert "\u202e" not in first[1]


def test_there_is_a_picture_of_each_thing(page):
  drawn = [tag for tag, _ in page.tags].count("svg")
  assert drawn == 3 * 3  # Ratios, surface, Tippett plot against another model; none is kept against the same model.


def test_real_photographs(realcams, home, monkeypatch, tmp_path):
  """Of one camera and of another, against five references."""
  monkeypatch.chdir(tmp_path)
  (tmp_path / "own.json").write_bytes(saved.to_bytes(expecting(-2.3)))
  own = sorted((realcams / "natural").glob("Canon_A3300IS_0_*"))[:6]
  other = min((realcams / "natural").glob("Apple_iPhone7_0_*"))
  code, found, _ = answered(own[5], other, "--with", *own[:5], "--calibration=own.json", "--out=case")
  same, different = found["answers"]
  assert code == console.ANSWERED
  assert same["ratios"]["H2b"]["favours"] == "H1"
  assert different["ratios"]["H2b"]["log10"] <= 0
  assert same["context"]["subsampling"] == "4:2:2"
  assert verification.verify(tmp_path / "case").findings == []
