"""The command line's manners: what is missing, misspelt or impossible gets one clear message."""

import json
import math
import signal

import pytest

from fsim import systems
from fsim.boundary import console, programs
from fsim.commands import fields, train
from fsim.run import flat
from fsim.systems import System
from tests.commands import ROOT, config, fsim

QUOTES = '"""'
NUMBERS = {"accuracy": 0.5, "of nothing": math.nan}
DEVICE = f"--config={ROOT}/configs/device.py"


@pytest.fixture
def called(tmp_path, monkeypatch, capsys):
  """Calls the command in an empty folder, without a run: what the run was given, the exit code, and what was said."""
  monkeypatch.chdir(tmp_path)
  given = []

  def run(config, workdir):
    given.append((config, workdir))
    return workdir / "report" / "index.html"

  monkeypatch.setattr(systems, "system", lambda name: System(run, None, lambda workdir: NUMBERS, None))
  monkeypatch.setattr(train, "prepare", lambda: None)  # Of a process.
  former = signal.getsignal(signal.SIGTERM)

  def call(*arguments):
    code = console.run(train.main, arguments)
    return given, code, "".join(capsys.readouterr())

  yield call
  signal.signal(signal.SIGTERM, former)


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    ([], "the configuration is missing; give one, for example fsim train configs/device.py"),
    ([f"{DEVICE}:fast"], "has the modes quick and paper, got 'fast'"),
    ([DEVICE, "--config.extractor.epoch=3"], 'Did you mean "epochs" instead of "epoch"?'),
    ([DEVICE, "--config.extractor.epochs=many"], "invalid literal for int"),
    ([DEVICE, "--wordkir=x"], "Unknown command line flag 'wordkir'"),
    ([DEVICE, "more"], "unexpected argument 'more'"),
    (["--config"], "the configuration is missing"),
    ([DEVICE, "--workdir"], "Missing value for flag --workdir"),
    (["--config="], "the configuration is missing"),
    (["--config=:quick"], "the configuration is missing"),
    ([DEVICE, "--workdir="], "--workdir is an empty path"),
    ([DEVICE, "--config.x.y="], "the configuration has no such field: 'x'"),
    ([DEVICE, "--config.seed.x=1"], "the configuration has no such field: "),
    ([DEVICE, "--config.data.source.x=1"], "the configuration has no such field: "),
  ],
)
def test_a_wrong_command_line_is_refused_with_a_hint(arguments, message, called):
  given, code, said = called(*arguments)
  assert (given, code) == ([], console.USAGE)
  assert message in said
  assert said.startswith("fsim: ")
  assert said.count("\n") == 1


CONFIG_DICT = "from ml_collections import ConfigDict\n"


@pytest.mark.parametrize(
  ("name", "text", "message"),
  [
    ("nowhere.py", None, "no such file"),
    ("broken.py", "def get_config(\n", ", line 1: "),
    ("other.yaml", "a: 1", "not a Python file"),
    ("other.py", "", "it does not define get_config"),
    ("other.py", "get_config = dict", "must return a ConfigDict"),
    ("raises.py", "import os\nimport no_such_module\n", "raises.py, line 2: ModuleNotFoundError: "),
    ("raises.py", "def get_config():\n  return 1 / 0\n", "raises.py, line 2: ZeroDivisionError: "),
    ("zero.py", "x = '\0'", "zero.py, line 1: "),
    ("inner.py", "eval('1 +')", "inner.py: <string>, line 1: "),
    (
      "own.py",
      f"{CONFIG_DICT}get_config = ConfigDict",
      "system must be one of device, mobile, model, ",
    ),
  ],
)
def test_a_file_that_is_no_configuration_is_named(name, text, message, called, tmp_path):
  if text is not None:
    (tmp_path / name).write_text(text)
  given, code, said = called(f"--config={name}")
  assert (given, code) == ([], 1)
  assert said.startswith("fsim: ")
  assert message in said
  assert said.count("\n") == 1


@pytest.mark.parametrize(
  "arguments",
  [
    [DEVICE, "--workdir=x", "--config.data.source=y"],
    ["--config", f"{ROOT}/configs/device.py", "--workdir", "x", "--config.data.source", "y"],
    ["-config", f"{ROOT}/configs/device.py", "-workdir=x", "-config.data.source=y"],
    [f"{ROOT}/configs/device.py", "--workdir", "x", "--config.data.source=y"],
    ["other.py", "--config", f"{ROOT}/configs/device.py", "--workdir=x", "--config.data.source=y"],
  ],
)
def test_values_stand_after_a_space_or_after_an_equals_sign(arguments, called):
  ((config, workdir),), code, _ = called(*arguments)
  assert code == 0
  assert (config.data.source, str(workdir)) == ("y", "x")


@pytest.mark.parametrize(
  "arguments",
  [["--config=configs/device.py:quick"], ["--config", "configs/device.py:quick"], ["configs/device.py:quick"]],
)
def test_the_installed_configurations_are_found_from_anywhere(arguments, called):
  ((config, workdir),), code, said = called(*arguments)
  assert code == 0
  assert config.data.source == "virtual/tiny"
  assert str(workdir) == "runs/device-quick"
  assert "fsim: using the installed " in said


def test_the_home_is_written_out_wherever_a_path_is_given(called, tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  (tmp_path / "own.py").write_text((ROOT / "configs" / "device.py").read_text())
  ((_, workdir),), code, _ = called("--config=~/own.py", "--workdir=~/run")
  assert code == 0
  assert workdir == tmp_path / "run"


def test_json_has_the_folder_the_page_and_the_measures_and_stands_alone(called):
  given, code, said = called(DEVICE, "--json", "--workdir=x")
  assert (len(given), code) == (1, 0)
  assert json.loads(said) == {
    "system": "device",
    "workdir": "x",
    "page": "x/report/index.html",
    "numbers": {"accuracy": 0.5, "of nothing": None},
  }


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_an_answer(flag, called):
  given, code, said = called(flag)
  assert (given, code) == ([], 0)
  assert "fsim train configs/device.py" in said
  for path in programs.listed():
    title = path.read_text().splitlines()[0].removeprefix(QUOTES)
    assert f"configs/{path.name}  {title}\n    modes: quick, paper" in said


def test_help_on_a_configuration_has_its_fields_with_comments_and_the_values_of_the_mode(called):
  given, code, said = called("--help", f"{DEVICE}:quick")
  assert (given, code) == ([], 0)
  lines = [line.split(maxsplit=2) for line in said.splitlines()]
  assert ["seed", "0"] in lines
  told = "A virtual preset, a folder of Dresden-named JPEGs, or a mixture: docs/mixtures.md."
  assert ["data.source", "virtual/tiny", told] in lines
  assert ["data.pattern", "none", "Of file names of another form than Dresden's, see docs/mobile.md."] in lines
  assert ["data.fold", "0", "Of protocol=scene_instance only."] in lines
  assert ["extractor.optimiser", "sgd", '"sgd" or "adamw".'] in lines
  assert "modes: quick, paper" in said


@pytest.mark.parametrize("path", programs.listed(), ids=lambda path: path.stem)
def test_help_tells_of_every_field_of_a_configuration(path, called):
  _, code, said = called(f"--config={path}", "--help")
  assert code == 0
  names = [line.split()[0] for line in said.splitlines() if line.startswith("  ")]
  assert sorted(names) == sorted(flat(config(path).to_dict()))


def test_comments_of_fields_stand_beside_them_or_above():
  source = """
def get_config(mode=""):
  config = ConfigDict()
  # Where it begins,
  # and ends.
  config.a = 1
  config.b.c = (
    1,
    2,
  )  # Two.
  config.d = "#"
  config.b.e = "#1"  # One.
  if mode == "fast":
    config.d = "x"  # Of a mode only.
"""
  assert fields.comments(source) == {"a": "Where it begins, and ends.", "b.c": "Two.", "d": "", "b.e": "One."}
  assert fields.modes(source) == ["fast"]


def test_comments_of_shared_fields_come_from_where_they_are_shared_unless_the_configuration_says_more(called):
  source = """
from fsim.configs import common

def own(*, depth):
  own = common.classifier(batch=2)
  own.depth = depth  # Layers.
  return own

def get_config(mode=""):
  config = common.base("device")
  config.dtype = "bfloat16"  # Always.
  config.data = common.data(
    source="x",  # Somewhere.
    protocol="ratio",
  )
  config.small = own(depth=3)
  config.other = unknown.function()
"""
  programs.provide()
  found = fields.comments(source)
  assert found["dtype"] == "Always."
  assert found["save_every"].startswith("Steps between checkpoints")
  assert found["data.source"] == "Somewhere."
  assert found["data.merge_d70"].startswith("D70s counts as D70")
  assert found["small.depth"] == "Layers."
  assert found["small.optimiser"] == '"sgd" or "adamw".'
  assert found["other"] == ""


@pytest.mark.parametrize(("name", "text"), [("nowhere.py", None), ("broken.py", "def get_config(\n"), ("a.txt", "x")])
def test_help_on_what_is_no_configuration_is_refused_in_one_line(name, text, called, tmp_path):
  if text:
    (tmp_path / name).write_text(text)
  _, code, said = called("--help", f"--config={name}")
  assert code == 1
  assert said.startswith(f"fsim: {name}")
  assert said.count("\n") == 1


def test_a_mistake_of_the_program_keeps_its_traceback(called, monkeypatch):
  def mistaken(config, workdir):
    raise ValueError("shapes differ")

  monkeypatch.setattr(systems, "system", lambda name: System(mistaken, None, None, None))
  with pytest.raises(ValueError, match="shapes differ"):
    called(DEVICE)


def test_the_command_is_what_a_shell_starts(tmp_path):
  done = fsim("main", DEVICE, "--config.extractor.epochs=0", cwd=tmp_path, data=tmp_path)
  assert done.returncode == 1
  assert done.stderr == "fsim: extractor.epochs must be a whole number from 1 to 1,000,000, got 0\n"
  assert list(tmp_path.iterdir()) == []
