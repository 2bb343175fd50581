"""A case: what is changed in its folder, or about it, since it was written is found and named."""

import json
import os
import shutil
from pathlib import Path

import pytest

from fsim import commands, weights
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.commands import verify as verb
from fsim.evidence import audit, case, signing, verification
from fsim.evidence.audit import AUDIT
from fsim.evidence.case import CASE, Calibration, Question
from tests import predictors
from tests.test_signing import keys

RESULT = {"log10_ratio": 3.25, "match": True, "statement": None, "peak": [4, 7]}
FILES = {"report.html": b"<p>moderately strong support</p>", "surface.png": b"\x89PNG"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
  """Where the command is given, beside its photographs."""
  monkeypatch.chdir(tmp_path)
  for name in ("a.jpg", "b.jpg"):
    (tmp_path / name).write_bytes(name.encode() * 99)
  return tmp_path


def question(**other):
  inputs = (case.hashed("questioned", Path("a.jpg")), case.hashed("reference", Path("b.jpg")))
  command = ("fsim", "compare", "a.jpg", "--with", "b.jpg", "--out", "case")
  return Question(command, os.getcwd(), inputs, {"alpha": 1e-4})._replace(**other)


def written(place=Path("case"), times=1, result=RESULT, key=None, **other):
  for _ in range(times):
    case.write(case.begin(place, *FILES), question(**other), result, FILES, key)
  return place


def found(place=Path("case"), public=None):
  return [str(finding) for finding in verification.verify(place, public).findings]


def edit(path, old, new):
  text = path.read_text()
  assert old in text
  path.write_text(text.replace(old, new))


def says(capsys, *arguments):
  code = console.run(commands.main, ["verify", *map(str, arguments)])
  return code, *capsys.readouterr()


def test_a_case_holds_as_it_was_written_and_says_what_was_asked():
  written()
  assert found() == []
  said = case.read(Path("case"))
  assert list(said) == list(case.FIELDS)
  assert said["command"][:2] == ["fsim", "compare"]
  assert said["inputs"][0] == {"role": "questioned", "path": "a.jpg", **_seen("a.jpg")}
  assert said["outputs"] == [{"file": name, **_seen(f"case/{name}")} for name in FILES]
  assert (said["result"], said["parameters"], said["weights"]) == (RESULT, {"alpha": 1e-4}, None)
  assert "jax" in said["environment"]["packages"]
  (record,) = map(json.loads, Path("case", AUDIT).read_text().splitlines())
  assert {name: said[name] for name in case.CONTENT} == {name: record[name] for name in case.CONTENT}


def _seen(name):
  seen = case.hashed("", Path(name))
  return {"sha256": seen.sha256, "bytes": seen.bytes}


def test_a_second_answer_is_added_and_the_first_stays():
  written()
  first = Path("case", AUDIT).read_bytes()
  written(result=RESULT | {"match": False})
  assert Path("case", AUDIT).read_bytes().startswith(first)
  said = case.read(Path("case"))
  assert (said["head"]["records"], said["result"]["match"]) == (2, False)
  assert found() == []


def test_a_case_can_be_moved_and_renamed_and_its_command_given_elsewhere(home, monkeypatch):
  written(times=2)
  (home / "elsewhere").mkdir()
  monkeypatch.chdir(home / "elsewhere")
  shutil.copytree(home / "case", home / "elsewhere" / "renamed")
  assert found(Path("renamed")) == []
  shutil.move(home / "a.jpg", home / "elsewhere" / "a.jpg")  # Found from here, where it is not there any more.
  assert found(Path("renamed")) == []


# The attacks: each changes a case of three records, and is found under this name.


def edited_record(folder):
  edit(folder / AUDIT, '"match":true', '"match":false')


def swapped_file(folder):
  data = (folder / "report.html").read_bytes()
  (folder / "report.html").write_bytes(data.replace(b"moderately", b"extremely!"))


def missing_file(folder):
  (folder / "surface.png").unlink()


def linked_file(folder):
  shutil.move(folder / "surface.png", folder.parent / "surface.png")
  (folder / "surface.png").symlink_to(folder.parent / "surface.png")


def cut_tail(folder):
  lines = (folder / AUDIT).read_bytes().splitlines(keepends=True)
  (folder / AUDIT).write_bytes(b"".join(lines[:-1]))


def whole_chain_gone(folder):
  (folder / AUDIT).unlink()


def reordered_records(folder):
  first, second, third = (folder / AUDIT).read_bytes().splitlines(keepends=True)
  (folder / AUDIT).write_bytes(second + first + third)


def record_inserted(folder):
  lines = (folder / AUDIT).read_bytes().splitlines(keepends=True)
  (folder / AUDIT).write_bytes(b"".join([lines[0], lines[0], *lines[1:]]))


def record_added(folder):
  chain = audit.read(folder / AUDIT)
  content = {name: chain.last[name] for name in case.CONTENT} | {"result": "another"}
  (folder / AUDIT).write_bytes((folder / AUDIT).read_bytes() + audit.next_line(chain, case.KIND, content))


def last_record_forged(folder):
  """Well chained, so that the head alone tells."""
  data = (folder / AUDIT).read_bytes().splitlines(keepends=True)
  chain = audit.parsed(folder / AUDIT, b"".join(data[:-1]))
  content = {name: json.loads(data[-1])[name] for name in case.CONTENT} | {"result": "another"}
  (folder / AUDIT).write_bytes(b"".join(data[:-1]) + audit.next_line(chain, case.KIND, content))


def case_edited(folder):
  edit(folder / CASE, '"match": true', '"match": false')


def command_edited(folder):
  edit(folder / CASE, '"--with"', '"--near"')


def head_edited(folder):
  edit(folder / CASE, case.read(folder)["head"]["sha256"], "ab" * 32)


def input_changed(folder):
  (folder.parent / "a.jpg").write_bytes(b"A.jpg" * 99)


def input_gone(folder):
  (folder.parent / "b.jpg").unlink()


ATTACKS = {
  edited_record: [f"case/{AUDIT}: record 2 is not chained to record 1, or that one was changed"],
  swapped_file: ["case/report.html: changed: its SHA-256 is not that of case.json"],
  missing_file: ["case/surface.png: missing"],
  linked_file: ["case/surface.png: a link, which is not followed"],
  cut_tail: [f"case/{AUDIT}: cut: its records are 2, and case.json speaks of 3"],
  whole_chain_gone: [f"case/{AUDIT}: No such file or directory"],
  reordered_records: [f"case/{AUDIT}: record 1 says that it is record 2"],
  record_inserted: [f"case/{AUDIT}: record 2 says that it is record 1"],
  record_added: [f"case/{AUDIT}: its records are 4, and case.json speaks of 3: added, or a command was killed"],
  last_record_forged: [
    f"case/{AUDIT}: its last record is not the one of which case.json speaks: one of the two was changed"
  ],
  case_edited: ["case/case.json: the field 'result' is not what the last record says"],
  command_edited: ["case/case.json: the field 'command' is not what the last record says"],
  head_edited: [f"case/{AUDIT}: its last record is not the one of which case.json speaks: one of the two was changed"],
  input_changed: ["a.jpg: changed: its SHA-256 is not that of case.json"],
  input_gone: ["b.jpg: not there any more, not checked"],
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_attacks_are_found_and_named(attack, capsys):
  attack(written(times=3).absolute())
  assert found() == ATTACKS[attack]
  code, out, _ = says(capsys, "case")
  counted = "0 do not hold, 1 not checked" if attack is input_gone else "1 do not hold, 0 not checked"
  assert (code, out.splitlines()) == (1, [*ATTACKS[attack], f"case: {counted}"])


def test_other_weights_are_found(home, monkeypatch, capsys):
  shipped = predictors.weights(home / "shipped", "similarity")
  monkeypatch.setattr(weights, "FOLDER", shipped.parent)
  written(weights=weights.open("similarity").description)
  assert found() == []
  card = json.loads((shipped / "card.json").read_text())
  (shipped / "predictor.json").write_text((shipped / "predictor.json").read_text() + " ")
  (shipped / "card.json").write_text(json.dumps(card | {"files": weights.digests(shipped)}))
  (line,) = found()
  assert line.startswith("weights similarity: other weights: SHA-256 ")
  (shipped / "predictor.json").unlink()
  (line,) = found()
  assert line.startswith("weights similarity: not checked: ")
  assert says(capsys, "case")[0] == 1


def test_another_calibration_is_found(monkeypatch):
  written(calibration=Calibration("sensor_noise", "12" * 32))
  assert found() == ["calibration sensor_noise: not checked: no calibration sensor_noise came with this fsim"]
  monkeypatch.setitem(verification.HELD, "calibration", lambda name: "12" * 32)
  assert found() == []
  monkeypatch.setitem(verification.HELD, "calibration", lambda name: "34" * 32)
  told = "other calibration: SHA-256 121212121212 answered, and this fsim has 343434343434"
  assert found() == [f"calibration sensor_noise: {told}"]


def test_a_chain_that_was_written_anew_is_found_by_the_signature_alone(home, capsys):
  (mine, public), (theirs, _) = keys(home, "mine"), keys(home, "theirs")
  written(times=2, key=signing.read_private(mine))
  assert says(capsys, "case", "--key", public)[1].endswith("signed by the key given\n")
  shutil.rmtree("case")
  written(times=2, result=RESULT | {"match": False}, key=signing.read_private(theirs))
  code, out, _ = says(capsys, "case")
  assert (code, "all holds" in out, "--key=PUBLIC.pem would check by whom" in out) == (0, True, True)
  code, out, _ = says(capsys, "case", "--key", public)
  assert (code, out.count("\n")) == (1, 2)
  assert out.startswith("case/case.json: signed by another key than the one given (SHA-256 ")
  shutil.rmtree("case")
  written()
  assert found(public=signing.read_public(public)) == ["case/case.json: not signed"]
  assert "not signed: whoever can write" in says(capsys, "case")[1]


def test_every_single_byte_change_of_a_signed_case_is_found(home):
  private, public = (
    read(path) for read, path in zip((signing.read_private, signing.read_public), keys(home), strict=True)
  )
  place = written(key=private)
  data = (place / CASE).read_bytes()
  for k in range(0, len(data), 7):
    (place / CASE).write_bytes(data[:k] + bytes([data[k] ^ 1]) + data[k + 1 :])
    assert found(public=public), k
  (place / CASE).write_bytes(data)
  assert found(public=public) == []


HOSTILE = {
  "not JSON": (lambda said: b"{", "not JSON"),
  "another spelling": (lambda said: json.dumps(said).encode(), "not spelled as fsim does"),
  "a field twice": (lambda said: b'{\n "result": 1,' + case.spelled(said)[1:], "not spelled as fsim does"),
  "deep": (lambda said: b'{"format":' + b"[" * 100_000, "not JSON"),
  "nested": (lambda said: console.to_json(said | {"result": _nested(40)}).encode(), "not JSON as fsim writes it"),
  "huge": (lambda said: b" " * (case.MAX_BYTES + 1), "larger than 64 MB"),
  "infinite": (lambda said: case.spelled(said).replace(b"3.25", b"1e999"), "not JSON as fsim writes it"),
  "newer": (lambda said: case.spelled(said | {"format": 2}), r"of a newer fsim \(format 2"),
  "unknown field": (lambda said: case.spelled(said | {"x": 1}), "the field 'x' is unknown"),
  "way out": (lambda said: _output(said, "../a.jpg"), "'outputs.0.file' must be a name of a file"),
  "absolute": (lambda said: _output(said, "/etc/passwd"), "'outputs.0.file' must be a name of a file"),
  "itself": (lambda said: _output(said, CASE), "'outputs.0.file' must be a name of a file"),
  "no object": (lambda said: case.spelled(said | {"inputs": [1]}), "'inputs.0' must be an object"),
  "a file twice": (lambda said: case.spelled(said | {"inputs": said["inputs"][:1] * 2}), "inputs names a file twice"),
  "too many": (lambda said: case.spelled(said | {"inputs": [0] * 10_001}), "'inputs' must be a list of 10,000 at most"),
  "too large": (lambda said: _input(said, bytes=1 << 40), "'inputs.0.bytes' must be a whole number"),
  "relative": (lambda said: case.spelled(said | {"directory": "."}), "'directory' must be an absolute path"),
  "no head": (lambda said: case.spelled(said | {"head": {}}), "the field 'head.records' is missing"),
}


def _nested(depth):
  return [_nested(depth - 1)] if depth else 1


def _output(said, name):
  return case.spelled(said | {"outputs": [said["outputs"][0] | {"file": name}]})


def _input(said, **other):
  return case.spelled(said | {"inputs": [said["inputs"][0] | other]})


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_case_is_one_line(kind, capsys):
  make, cause = HOSTILE[kind]
  place = written()
  (place / CASE).write_bytes(make(case.read(place)))
  with pytest.raises(Unreadable, match=cause):
    case.read(place)
  code, out, err = says(capsys, place)
  assert (code, out.count("\n"), err) == (1, 2, "")
  code, out, _ = says(capsys, place, "--json")
  facts = json.loads(out)
  assert (code, facts["holds"], len(facts["findings"]), facts["head"]) == (1, False, 1, None)


@pytest.mark.parametrize("path", ["/dev/zero", "pipe", ".", "a\0b", "n" * 300, "loop"])
def test_inputs_that_are_no_files_are_named_and_nobody_waits(path):
  place = written()
  os.mkfifo("pipe")
  os.symlink("loop", "loop")
  (place / CASE).write_bytes(_input(case.read(place), path=path))
  lines = [finding for finding in verification.verify(place).findings if finding.file == path]
  assert [line.checked for line in lines] == [False]


@pytest.mark.parametrize("name", [CASE, AUDIT])
def test_links_in_the_place_of_a_cases_own_files_are_not_followed(name):
  place = written()
  shutil.move(place / name, "moved")
  (place / name).symlink_to(Path("moved").absolute())
  assert found() == [f"case/{name}: a link, which is not followed"]


def test_other_files_and_linked_inputs_are_remarked(capsys):
  os.rename("a.jpg", "real.jpg")
  os.symlink("real.jpg", "a.jpg")
  place = written()
  for k in range(5):
    (place / f"note{k}\n.txt").write_text("mine")
  code, _, err = says(capsys, place)
  assert code == 0
  assert err.splitlines() == [
    r"fsim: note0\n.txt, note1\n.txt, note2\n.txt and 2 more: no part of the case, not named in case.json",
    "fsim: a.jpg: a link, and what it leads to was read",
  ]


def test_what_fsim_did_not_write_is_never_replaced():
  Path("case").mkdir()
  Path("case", "report.html").write_text("mine")
  with pytest.raises(UserError, match=r"report\.html: exists and is not as fsim wrote it"):
    case.begin(Path("case"), *FILES)
  assert sorted(os.listdir("case")) == ["report.html"]


@pytest.mark.parametrize("attack", [edited_record, cut_tail, whole_chain_gone, case_edited], ids=lambda a: a.__name__)
def test_nothing_is_added_to_a_chain_that_does_not_hold(attack):
  place = written(times=3)
  attack(place.absolute())
  before = {path: path.read_bytes() for path in place.iterdir()}
  with pytest.raises(UserError):
    case.begin(place, *FILES)
  assert {path: path.read_bytes() for path in place.iterdir()} == before


def test_a_kill_between_the_chain_and_case_json_is_found_and_made_good_by_the_next_answer(monkeypatch):
  written()
  folder = case.begin(Path("case"), *FILES)
  monkeypatch.setattr(folder, "write", lambda name, data, write=folder.write: write(name, data) or _killed_after(name))
  with pytest.raises(KeyboardInterrupt):
    case.write(folder, question(), RESULT, FILES)
  assert len(found()) == 1
  written()
  assert case.read(Path("case"))["head"]["records"] == 3
  assert found() == []


def _killed_after(name):
  if name == AUDIT:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", [CASE, AUDIT, "lock", "../x", ".hidden", "a/b", ""])
def test_names_that_no_file_of_a_case_can_have_are_our_mistake(name):
  with pytest.raises(ValueError, match="cannot be a file of a case"):
    case.begin(Path("case"), name)


def test_more_than_a_case_can_hold_is_refused_before_anything_is_written(monkeypatch):
  place = written()
  monkeypatch.setattr(case, "MAX_BYTES", 100_000)
  with pytest.raises(UserError, match="more than a case can hold"):
    case.write(case.begin(place), question(), "x" * 200_000, {"report.html": b"other"})
  assert found() == []


@pytest.fixture
def repeats(monkeypatch):
  """A verb that answers as told, and what it was given."""
  given, answer = [], {"result": RESULT}

  def again(said, folder):
    given.append((said["inputs"], os.getcwd(), folder))
    (folder / "surface.png").write_bytes(b"")
    return answer["result"]

  monkeypatch.setitem(verb.REPEATABLE, "compare", again)
  return given, answer


def test_the_same_result_computed_again_holds(repeats, capsys, home, monkeypatch):
  place = written().absolute()
  (home / "elsewhere").mkdir()
  monkeypatch.chdir(home / "elsewhere")
  repeats[1]["result"] = RESULT | {"log10_ratio": 3.25 * (1 + 1e-6), "peak": (4, 7)}
  code, out, _ = says(capsys, place, "--again")
  assert (code, out.splitlines()[-1]) == (0, f"{place}: computed again, with the same result")
  ((_, where, folder),) = repeats[0]
  assert where == str(home)
  assert not folder.exists()
  assert os.getcwd() == str(home / "elsewhere")


@pytest.mark.parametrize(
  ("other", "told"),
  [
    ({"log10_ratio": 3.26}, "result.log10_ratio was 3.25 and is 3.26"),
    ({"match": 1}, "result.match was True and is 1"),
    ({"peak": [4, 8]}, "result.peak.1 was 7 and is 8"),
    ({"peak": [4]}, "result.peak was [4, 7] and is [4]"),
    ({"statement": "none"}, "result.statement was None and is 'none'"),
    ({"more": 1}, "result was {'log10_ratio': 3.25, 'match': True, 'peak': [4, 7], 'statement': None} and is "),
  ],
)
def test_another_result_computed_again_is_found(other, told, repeats, capsys):
  written()
  repeats[1]["result"] = RESULT | other
  code, out, _ = says(capsys, "case", "--again")
  assert code == 1
  assert out.startswith(f"case.json: computed again, it differs: {told}")


def test_what_does_not_hold_or_cannot_be_repeated_is_not_repeated(repeats, capsys, monkeypatch):
  written()
  monkeypatch.delitem(verb.REPEATABLE, "compare")
  code, out, _ = says(capsys, "case", "--again")
  assert (code, out.splitlines()[0]) == (1, "--again: this fsim cannot repeat the verb 'compare'")
  monkeypatch.setitem(verb.REPEATABLE, "compare", _refuses)
  code, out, _ = says(capsys, "case", "--again")
  assert (code, out.splitlines()[0]) == (1, "compare: could not be computed again: a.jpg: too small")
  Path("a.jpg").unlink()
  code, out, _ = says(capsys, "case", "--again")
  assert out.splitlines()[1] == "--again: not computed again, since not all holds"
  assert repeats[0] == []


def _refuses(said, folder):
  raise UserError("a.jpg: too small")


def test_other_versions_are_told_where_the_computation_is_repeated(repeats, capsys, monkeypatch):
  real = case.run.environment()
  with monkeypatch.context() as patch:
    patch.setattr(case.run, "environment", lambda: real | {"packages": real["packages"] | {"jax": "0.0.1"}})
    written()
  code, _, err = says(capsys, "case", "--again")
  assert code == 0
  assert err == f"fsim: made with packages.jax '0.0.1', here '{real['packages']['jax']}'\n"


@pytest.mark.parametrize(
  "pair", [(10**400, 1.5), (1.5, -(10**400)), (1, True), (0.0, False), ([], {}), (1, 2), (1e-7, 2e-7)]
)
def test_values_that_differ_are_told_apart_whatever_they_are(pair):
  assert verification.difference(*pair).startswith("result was ")


def test_the_answer_as_json_has_everything(capsys):
  written()
  code, out, _ = says(capsys, "case", "--json")
  facts = json.loads(out)
  assert code == 0
  assert facts["head"] == case.read(Path("case"))["head"]
  assert (facts["holds"], facts["findings"], facts["signed"], facts["again"]) == (True, [], False, False)


def test_no_folder_and_no_key_are_one_line(capsys):
  assert says(capsys, "nowhere") == (1, "", "fsim: nowhere: no such folder\n")
  Path("file").write_bytes(b"")
  assert says(capsys, "file") == (1, "", "fsim: file: not a folder\n")
  written()
  assert says(capsys, "case", "--key=a.jpg") == (1, "", "fsim: a.jpg: no Ed25519 public key in PEM\n")


def test_the_page_has_the_schema():
  """docs/case.md explains every field of case.json and of a record."""
  page = (Path(__file__).parent.parent / "docs" / "case.md").read_text()
  named = (*case.FIELDS, *audit.FIELDS, *case.INPUT, *case.OUTPUT, *case.HEAD, *case.WEIGHTS, *case.SIGNATURE)
  assert [name for name in named if f"`{name}`" not in page] == []
