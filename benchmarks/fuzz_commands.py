"""Folders of mutated photographs through the commands, which must say of every file what the one reader says."""

import contextlib
import io
import json
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import fuzz_photographs
from benchmarks.fuzz_mutations import MUTATIONS
from benchmarks.fuzz_readers import Outcome, is_user_error, warnings_as_errors
from fsim.data import photographs

WHOLE, MUTATED = 6, 24  # Photographs in a folder.
DAMAGE = "damaged JPEG"  # What no command may say of a file that the reader accepts.

Main = Callable[[Sequence[str]], int]


class Runs(NamedTuple):
  """Finished runs with which commands are tried, or None."""

  model: Path | None
  patch: Path | None


class Command(NamedTuple):
  """A command that reads photographs.

  Attributes:
    about: the fields of its JSON that name the file which a cause is about.
    may_refuse: whether it may give one answer about all of them: that they are not of one camera.
  """

  name: str
  main: Main
  arguments: list[object]
  about: tuple[str, ...] = ("file", "image")
  may_refuse: bool = False


class Called(NamedTuple):
  """What came of a command: its exit code, what it printed, and the traceback that a user would have seen, or ""."""

  code: int
  out: str
  traceback: str


def call(main: Main, arguments: Sequence[object]) -> Called:
  """A command in this process. What users cause is an answer, as in `console.run`."""
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings_as_errors():
    try:
      code = main([str(argument) for argument in arguments])
    except SystemExit as error:
      code = int(error.code or 0)
    except Exception as error:
      if not is_user_error(error):
        return Called(1, out.getvalue(), traceback.format_exc())
      return Called(1, f"fsim: {error}", "")
  return Called(code, out.getvalue(), "")


def through(seed: int, number: int, runs: Runs, keep: Path | None) -> Iterator[Outcome]:
  """One folder: whole photographs of one camera, and mutations of them."""
  with tempfile.TemporaryDirectory() as place:
    folder, out = Path(place, "photographs"), Path(place, "out")
    folder.mkdir()
    out.mkdir()
    fill(folder, seed, number)
    causes = {path: photographs.read(path).problem for path in sorted(folder.iterdir())}
    for command in commands(folder, out, runs):
      outcomes = list(compare(number, command, call(command.main, command.arguments), causes))
      yield from outcomes
      if keep and any(outcome.faults for outcome in outcomes):
        shutil.copytree(folder, keep / f"{seed}-folder-{number}", dirs_exist_ok=True)


def fill(folder: Path, seed: int, number: int) -> None:
  """Names say whether a file is whole, and how it was mutated otherwise."""
  rng = np.random.default_rng([seed, 1, number])
  whole = fuzz_photographs.of_one_camera(seed, number, WHOLE)
  for k, data in enumerate(whole):
    (folder / f"Acme_A1_0_{k}.JPG").write_bytes(data)
  kinds = rng.permutation([kind for kind in MUTATIONS if kind != "as made"])[:MUTATED]
  for k, kind in enumerate(kinds, WHOLE):
    data = MUTATIONS[kind](rng, whole[k % WHOLE], whole[(k + 1) % WHOLE])
    (folder / f"Acme_A1_0_{k}.JPG").write_bytes(data)


def commands(folder: Path, out: Path, runs: Runs) -> Iterator[Command]:
  # Here, since the processes that read single files need no networks, and their memory is measured.
  from fsim.commands import check, cluster, identify, main, splice

  files = sorted(folder.iterdir())
  against = out / "camera.npz"
  call(main, ["fingerprint", *files[:WHOLE], "--out", against])
  yield Command("check", check.main, [folder, "--json"])
  yield Command("fingerprint", main, ["fingerprint", folder, "--out", out / "all.npz", "--json"], may_refuse=True)
  yield Command("match", main, ["match", folder, "--against", against, "--json"])
  yield Command("match of two", main, ["match", *files[:2], "--against", *files, "--json"], ("candidate",))
  yield Command("matrix", main, ["matrix", folder, "--out", out / "matrix", "--json"])
  if runs.patch:
    yield Command("identify", identify.main, [*files, "--run", runs.patch, "--json"])
  if runs.model:
    yield Command("group", cluster.main, [folder, "--run", runs.model, "--json"])
    yield Command("splice", splice.main, [*files, "--run", runs.model, "--out", out / "maps", "--json"])


def compare(number: int, command: Command, called: Called, causes: dict[Path, str]) -> Iterator[Outcome]:
  """A verdict a file: whether the command says of it what the reader says."""
  kind = f"folder: {command.name}"
  if called.traceback:
    yield Outcome(number, kind, "raised", False, {"exception": called.traceback.strip().splitlines()[-1]})
    return
  if command.may_refuse and called.code and called.out.startswith("fsim: "):
    yield Outcome(number, kind, called.out, False, {})
    return
  try:
    said = dict(_said(json.loads(called.out, parse_constant=_no_number), command.about))
  except ValueError as error:
    yield Outcome(number, kind, "no answer", False, {"disagreement": f"no JSON ({error}): {called.out[-200:]!r}"})
    return
  for path, cause in causes.items():
    other = said.get(path.name, "")
    agree = cause in other if cause else DAMAGE not in other
    faults = {} if agree else {"disagreement": f"{path.name}: {cause!r}, but the command says {other!r}"}
    yield Outcome(number, kind, other, False, faults)


def _said(value: Any, about: tuple[str, ...]) -> Iterator[tuple[str, str]]:
  """Every (file name, cause) in what a command prints, whatever it is nested in."""
  if isinstance(value, dict):
    causes = [value[key] for key in ("cause", "error", "reason") if value.get(key)]
    yield from ((Path(value[key]).name, causes[0]) for key in about if causes and key in value)
  for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
    yield from _said(part, about)


def _no_number(name: str) -> None:
  raise ValueError(f"{name} in JSON")
