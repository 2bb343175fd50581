"""The command `fsim VERB ...`: its verbs, its help, its other names, and how soon it answers."""

import importlib
import json
import subprocess
import sys
import tomllib

import pytest

import fsim
from fsim import commands
from fsim.boundary import console, waking
from tests.commands import ROOT

OPTIONS = {
  "check": ("FOLDER", "--pattern", "--no-merge-d70", "--platform", "(default: original)", "--folder", "--json"),
  "simulate": ("--preset", "virtual/default", "--out", "--size", "PIXELS", "--shard", "--parameters", "--json"),
  "public": ("--out", "--set", "opencams/train", "--clones", "--host", "(default: https://github.com)", "--json"),
  "train": ("--config=", "--workdir=", "configs/device.py", "modes: quick, paper"),
  "report": ("DIR", "--json"),
  "fingerprint": ("--out", "--sigma", "in grey levels (default: 5.0)", "--wavelet", "(default: db4)", "--json"),
  "merge": ("NPZ", "--out", "--trusted", "--json"),
  "match": ("--against", "--reach", "(default: 0)", "--alpha", "(default: 0.0001)", "--scales", "--best", "--json"),
  "matrix": ("--out", "--alpha", "(default: 0.0001)", "--stop", "--json"),
  "compare": ("QUESTIONED", "--with", "REFERENCE", "--out", "CASE", "--calibration", "--run", "--sign", "--json"),
  "link": ("IMAGE_OR_FOLDER", "--out", "--calibration", "FILE.json", "--json"),
  "calibrate": ("FOLDER", "--out", "FILE.json", "--pattern", "--noise-alone", "--json"),
  "identify": ("IMAGE_OR_FOLDER", "--run", "--cameras", "--pattern", "--map", "--json"),
  "splice": ("IMAGE_OR_FOLDER", "--run", "--out", "--reference", "X,Y", "--stride", "half a patch", "--json"),
  "cluster": ("IMAGE_OR_FOLDER", "--run", "--out", "--json"),
  "validate": ("SOURCE", "--out", "--calibration", "--criteria", "--export", "FILE.csv", "--pattern", "--json"),
  "verify": ("CASE", "--again", "--key", "PUBLIC.pem", "--json"),
  "weights": ("NAME", "--json"),
  "caffe": ("CAFFEMODEL", "BINARYPROTO", "--classes", "--photographs", "--out", "--json"),
  "sweep": ("--workdir", "--at-once", "(default: 1)", "--set", "--slurm", "--table", "--minutes", "--json"),
}
DOORS = {
  "fsim.main": ("train",),
  "fsim.identify": ("identify",),
  "fsim.splice": ("splice",),
  "fsim.group": ("cluster",),
  "fsim.simulate": ("simulate",),
  "fsim.data.check": ("check",),
  "fsim.prnu.__main__": ("fingerprint", "merge", "match", "matrix"),
  "fsim.report.__main__": ("report",),
  "fsim.__main__": (),
}
HEAVY = {"jax", "flax", "numpy", "scipy", "sklearn", "matplotlib", "pandas", "pyarrow", "tensorflow_datasets", "grain"}
# Prints how every verb ended and whether it told its usage; what was imported then; and how long it took.
HELP = f"""
import contextlib, importlib, io, json, sys, time
from fsim import commands
began, told = time.process_time(), {{}}
for verb in ["", *commands.VERBS]:
  with contextlib.redirect_stdout(io.StringIO()) as said:
    try:
      code = commands.main([verb, "--help"] if verb else ["--help"])
    except SystemExit as error:
      code = error.code
  told[verb] = [code, f"fsim {{verb or 'VERB'}} " in said.getvalue()]
for door in {[door for door in DOORS if door.endswith("__main__")]}:
  importlib.import_module(door)
print(json.dumps([told, sorted({HEAVY} & sys.modules.keys()), time.process_time() - began]))
"""
# Imports what `fsim match` and `fsim fingerprint` do where nothing is installed but what they need.
CORE = """
import sys
others = "absl array_record flax google.protobuf grain jinja2 matplotlib ml_collections optax orbax pandas pyarrow"
sys.modules |= dict.fromkeys([*others.split(), "sklearn", "tensorboardX", "tensorflow_datasets", "scipy"])
import fsim.commands.work.match
del sys.modules["scipy"]
import fsim.commands.work.fingerprint
"""
SECONDS = 1.0  # Of CPU, for all together; a quarter is needed, and a loaded machine takes its time.


@pytest.fixture
def answered(capsys):
  """The exit code of a command line, and what was said on either stream."""

  def answer(*arguments):
    try:
      code = commands.main(arguments)
    except SystemExit as error:  # How argparse ends.
      code = error.code
    return code, " ".join(capsys.readouterr()).strip()

  return answer


def test_every_verb_names_a_module_that_does_it(answered):
  assert list(OPTIONS) == list(commands.VERBS)
  _, said = answered("--help")
  for name, verb in commands.VERBS.items():
    assert callable(importlib.import_module(verb.module).main)
    assert f"  {name.ljust(11)}  {verb.help}\n" in said


@pytest.mark.parametrize("verb", commands.VERBS)
def test_every_verb_tells_what_it_takes_with_defaults_and_units(verb, answered, monkeypatch):
  monkeypatch.setenv("COLUMNS", "500")
  code, said = answered(verb, "--help")
  assert code == 0
  assert f"fsim {verb} " in said
  assert not [option for option in OPTIONS[verb] if option not in said]
  assert "python -m" not in said


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (["clutser"], "there is no verb clutser; did you mean cluster?"),
    (["fingerprints", "x"], "there is no verb fingerprints; did you mean fingerprint?"),
    (["\x1b[31m"], r"there is no verb \x1b[31m; give one of check, simulate, "),
    ([], "a verb is missing; give one of check, simulate, "),
    (["--json"], "there is no verb --json; "),
  ],
)
def test_an_unknown_verb_is_a_mistake_of_usage(arguments, message, answered):
  code, said = answered(*arguments)
  assert code == console.USAGE
  assert said.startswith(f"fsim: {message}")
  assert said.count("\n") == 0


def test_a_verb_that_lacks_what_it_needs_is_a_mistake_of_usage(answered):
  code, said = answered("match", "a.jpg")
  assert code == console.USAGE
  assert said.startswith("usage: fsim match ")
  assert "--against" in said.splitlines()[-1]


def test_the_version_is_that_of_the_package(answered):
  told = tomllib.loads((ROOT / "pyproject.toml").read_text())
  assert told["project"]["version"] == fsim.__version__
  assert answered("--version") == (0, f"fsim {fsim.__version__}")
  script, _, function = told["project"]["scripts"]["fsim"].partition(":")
  assert getattr(importlib.import_module(script), function) is commands.program


@pytest.mark.parametrize("door", DOORS)
def test_former_names_lead_to_the_same_verbs(door, monkeypatch):
  opened = []
  monkeypatch.setattr(commands, "program", lambda *verbs: opened.append(verbs))
  source = (ROOT / f"{door.replace('.', '/')}.py").read_text()
  exec(compile(source, door, "exec"), {"__name__": "__main__"})
  exec(compile(source, door, "exec"), {"__name__": "__mp_main__"})  # In worker processes it does nothing.
  assert opened == [DOORS[door]]


@pytest.mark.parametrize(
  ("verbs", "given", "verb", "rest"),
  [
    (("train",), ["--config=c.py"], "train", ["--config=c.py"]),
    (("cluster",), ["match"], "cluster", ["match"]),
    (("merge", "match"), ["match", "a"], "match", ["a"]),
    ((), ["sweep"], "sweep", []),
  ],
)
def test_a_program_gives_its_arguments_to_the_verb(verbs, given, verb, rest, monkeypatch):
  called = []
  monkeypatch.setattr(commands, "call", lambda *what: called.append(what) or 1)
  monkeypatch.setattr(waking, "begin", lambda: None)
  monkeypatch.setattr(console, "run", lambda command, arguments: command(arguments))
  monkeypatch.setattr(sys, "argv", ["fsim", *given])
  with pytest.raises(SystemExit) as ended:
    commands.program(*verbs)
  assert ended.value.code == 1
  assert called == [(verb, rest)]


def test_a_program_of_some_verbs_has_no_others(answered, capsys):
  assert commands.main(["train"], DOORS["fsim.prnu.__main__"]) == console.USAGE
  assert "there is no verb train; give one of fingerprint, merge, match, matrix" in capsys.readouterr().err


def test_help_waits_for_no_library_and_so_comes_at_once():
  done = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, capture_output=True, text=True, check=False)
  assert done.returncode == 0, done.stderr
  told, heavy, seconds = json.loads(done.stdout)
  assert told == {verb: [0, True] for verb in ["", *commands.VERBS]}
  assert not heavy
  assert seconds < SECONDS


def test_sensor_noise_needs_no_library_of_tables_figures_or_networks():
  """What docs/install.md promises to who installs the core alone; and a match does not wait for SciPy either."""
  done = subprocess.run([sys.executable, "-c", CORE], cwd=ROOT, capture_output=True, text=True, check=False)
  assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
