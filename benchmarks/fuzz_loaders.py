"""Fingerprints, tables and journals from strangers: whatever is in them, a user gets one line or an answer."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import fuzz_commands, fuzz_photographs
from benchmarks.fuzz_archives import MISSING, crafted, replaced
from benchmarks.fuzz_commands import call
from benchmarks.fuzz_readers import Outcome, is_user_error, warnings_as_errors

TABLE = (
  "filename,position_num,position_name,motive_num\n"
  'Acme_A1_0_0.JPG,1,"Rathaus, Dresden",2\nAcme_A1_0_1.JPG,1,Brücke,3\nAcme_A1_0_2.JPG,2,Ufer,1\n'
)
CRAFTED_TABLES = (
  "", "\n", "\0", '"', ",", ";;;\n", "filename", "filename\n", "filename\n\n\n", "filename,filename\na,b\n",
  "Filename\n" + "a" * 200_000, "filename\n" + '"' + "a\n" * 50_000, "filename" + ",x" * 10_000 + "\n",
  TABLE.replace(",", ";"), TABLE.replace(",", "\t"), TABLE.replace(",", "|"), TABLE.replace("\n", "\r"),
  TABLE.replace("\n", "\r\n"), TABLE.replace("1", "1e999"), TABLE.replace("1", "-1"), TABLE.replace("1", "9" * 5000),
  TABLE.replace("1", "NaN"), TABLE.replace("1", "١"), TABLE.replace("Acme_A1_0_0.JPG", "../../etc/passwd"),
  TABLE.replace("Acme", "=cmd|"), TABLE.replace("Acme_A1_0_0.JPG", "a\0b"),
  TABLE.replace("Acme_A1_0_0.JPG", "\x1b[2J\r"), "filename,subset\nAcme_A1_0_0.JPG,no such\n",
)  # fmt: skip
HOSTILE: tuple[Any, ...] = (
  None, True, -1, 0, 2, 1.5, 1e300, -1e300, 10**400, float("nan"), float("inf"), "", "a", "\0", "a" * 70_000, [],
  [None], [[1]], {}, {"a": 1}, "../x",
)  # fmt: skip


Attempt = Callable[[int, bytes], Outcome]


class Kind(NamedTuple):
  """Of files: what it is called, what is tried (without end), and with what; one in `share`, since some take longer."""

  name: str
  inputs: Iterator[bytes]
  attempt: Attempt
  share: int = 1


def through(seed: int, each: int, home: Path, keep: Path | None) -> Iterator[Outcome]:
  """So many of each kind. `home` keeps the journals."""
  folder = home / "others" / "photographs"
  folder.mkdir(parents=True)
  for k, data in enumerate(fuzz_photographs.of_one_camera(seed, 0, fuzz_commands.WHOLE)):
    (folder / f"Acme_A1_0_{k}.JPG").write_bytes(data)
  for kind in kinds(folder, home, seed):
    for number, data in enumerate(itertools.islice(kind.inputs, 0, each * kind.share, kind.share**2)):
      outcome = kind.attempt(number, data)
      if outcome.faults and keep:
        (keep / f"{seed}-{kind.name.replace(' ', '_')}-{number}").write_bytes(data)
      yield outcome


def kinds(folder: Path, home: Path, seed: int) -> Iterator[Kind]:
  from fsim.commands import check, main
  from fsim.prnu import fingerprints

  rng, former = np.random.default_rng([seed, 3]), set(home.rglob("*.jsonl"))
  made, tried = folder.parent / "camera.npz", folder.parent / "tried.npz"
  fingerprinting = ["fingerprint", folder, "--out"]
  if call(main, [*fingerprinting, made]).code:
    raise RuntimeError("no fingerprint could be made of whole photographs")
  good = made.read_bytes()
  prints = itertools.chain([good], crafted(made, HOSTILE), altered(rng, good))
  yield Kind("fingerprint files", prints, lambda number, data: _loaded(number, tried, data, fingerprints.load))

  name, part = "unfinished fingerprints", tried.with_name("tried.npz.part")
  resuming = _Beside(name, part, main, [*fingerprinting, tried, "--json"])
  yield Kind(name, itertools.chain(crafted(made, HOSTILE), altered(rng, good)), resuming, share=5)

  checking, table = [folder, "--json"], folder / "metadata.csv"
  tables = itertools.chain((text.encode() for text in CRAFTED_TABLES), encodings(), altered(rng, TABLE.encode()))
  yield Kind("tables", tables, _Beside("tables", table, check.main, checking))
  table.write_text(TABLE)
  call(check.main, checking)
  for journal in sorted(set(home.rglob("*.verified*.jsonl")) - former):
    lines = itertools.chain(journals(journal.read_bytes()), altered(rng, journal.read_bytes()))
    yield Kind("journals", lines, _Beside("journals", journal, check.main, checking))


def altered(rng: np.random.Generator, data: bytes) -> Iterator[bytes]:
  """Without end: bits turned, bytes overwritten, stretches lost, repeated, zeroed, and the file cut."""
  while True:
    start = int(rng.integers(len(data)) if rng.random() < 0.5 else len(data) - rng.integers(1, min(len(data), 600)))
    end = min(len(data), start + int(2 ** rng.uniform(0, 10)))
    changed = bytearray(data)
    changed[start] ^= 1 << int(rng.integers(8))
    ways = (bytes(changed), data[:start], data[:start] + data[end:], data[:end] + data[start:])
    ways += tuple(data[:start] + what + data[end:] for what in (bytes(end - start), rng.bytes(end - start)))
    yield ways[rng.integers(len(ways))]


def encodings() -> Iterator[bytes]:
  for name in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"):
    yield TABLE.encode(name)
    yield TABLE.encode(name)[:-1]


def journals(data: bytes) -> Iterator[bytes]:
  """Lines that are JSON, but none of a journal."""
  first = json.loads(data.strip().splitlines()[0])
  for value in (*HOSTILE, MISSING):
    changes = [] if value is MISSING else [value]
    for changed in (*changes, *replaced(first, value)):
      yield (json.dumps(changed) + "\n").encode()
  yield b"[" * 100_000 + b"\n" + data


def _loaded(number: int, path: Path, data: bytes, load: Callable[[Path], Any]) -> Outcome:
  """A fingerprint is refused by a user's error, or has a pattern of finite numbers."""
  kind = "fingerprint files"
  path.write_bytes(data)
  try:
    with warnings_as_errors():
      pattern = load(path).pattern()
  except Exception as error:
    return Outcome(number, kind, str(error), False, {} if is_user_error(error) else {"exception": repr(error)[:200]})
  faults = {} if np.isfinite(pattern).all() else {"wrongly accepted": "its pattern is not finite"}
  return Outcome(number, kind, "", False, faults)


class _Beside(NamedTuple):
  """A command that finds such a file at a place."""

  kind: str
  path: Path
  main: fuzz_commands.Main
  arguments: list[object]

  def __call__(self, number: int, data: bytes) -> Outcome:
    self.path.write_bytes(data)
    called = call(self.main, self.arguments)
    self.path.unlink(missing_ok=True)
    faults = {"exception": called.traceback.strip().splitlines()[-1][:200]} if called.traceback else {}
    return Outcome(number, self.kind, called.out if called.code else "", False, faults)
