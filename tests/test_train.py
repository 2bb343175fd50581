"""The command line's manners: what is missing, misspelt or impossible gets one clear message."""

import signal

import pytest

from fsim import systems
from fsim.boundary import console
from fsim.commands import fields, train
from fsim.run import flat
from fsim.systems import System
from tests.commands import ROOT, config, fsim

QUOTES = '"""'
DEVICE = f"--config={ROOT}/configs/device.py"


@pytest.fixture
def called(tmp_path, monkeypatch, capsys):
  """Calls the command in an empty folder, without a run: what the run was given, the exit code, and what was said."""
  monkeypatch.chdir(tmp_path)
  given = []
  monkeypatch.setattr(
    systems, "system", lambda name: System(lambda *given_to: given.append(given_to), None, None, None)
  )
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
    ([], "--config is missing; give one, for example --config=configs/device.py"),
    ([f"{DEVICE}:fast"], "has the modes quick and paper, got 'fast'"),
    ([DEVICE, "--config.signature.epoch=3"], 'Did you mean "epochs" instead of "epoch"?'),
    ([DEVICE, "--config.signature.epochs=many"], "invalid literal for int"),
    ([DEVICE, "--wordkir=x"], "Unknown command line flag 'wordkir'"),
    ([DEVICE, "more"], "unexpected argument 'more'"),
    (["--config"], "--config is missing"),
    ([DEVICE, "--workdir"], "Missing value for flag --workdir"),
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
  ],
)
def test_values_stand_after_a_space_or_after_an_equals_sign(arguments, called):
  ((config, workdir),), code, _ = called(*arguments)
  assert code == 0
  assert (config.data.source, str(workdir)) == ("y", "x")


@pytest.mark.parametrize("arguments", [["--config=configs/device.py:quick"], ["--config", "configs/device.py:quick"]])
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


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_an_answer(flag, called):
  given, code, said = called(flag)
  assert (given, code) == ([], 0)
  assert "fsim train --config=configs/device.py" in said
  for path in (ROOT / "configs").glob("[!_]*.py"):
    title = path.read_text().splitlines()[0].removeprefix(QUOTES)
    assert f"configs/{path.name}  {title}\n    modes: quick, paper" in said


def test_help_on_a_configuration_has_its_fields_with_comments_and_the_values_of_the_mode(called):
  given, code, said = called("--help", f"{DEVICE}:quick")
  assert (given, code) == ([], 0)
  lines = [line.split(maxsplit=2) for line in said.splitlines()]
  assert ["data.source", "virtual/tiny", "A virtual preset, a folder of Dresden-named JPEGs, or a mixture."] in lines
  assert ["data.folder", "none", "Where data sets are kept; by default TFDS's own folder."] in lines
  assert ["data.test", "0.3"] in lines
  assert "modes: quick, paper" in said


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("[!_]*.py")), ids=lambda path: path.stem)
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
  done = fsim("main", DEVICE, "--config.signature.epochs=0", cwd=tmp_path, data=tmp_path)
  assert done.returncode == 1
  assert done.stderr == "fsim: signature.epochs must be a whole number from 1 to 1,000,000, got 0\n"
  assert list(tmp_path.iterdir()) == []
