"""A case folder: case.json says what was asked and answered, audit.jsonl keeps every answer given there.

All that case.json says stands in the last record of the chain too, but the chain's head and its signature. So the head
binds everything: files of the case and inputs by their SHA-256, parameters, versions, weights, calibration, result.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import fsim
from fsim import run
from fsim.boundary import console, fields, inputs, lock
from fsim.boundary.errors import UserError
from fsim.boundary.fields import OBJECT, TEXT, Rule
from fsim.boundary.inputs import Unreadable
from fsim.boundary.outputs import Folder
from fsim.boundary.text import shown
from fsim.evidence import audit, signing
from fsim.evidence.audit import AUDIT, Chain
from fsim.weights import Description

CASE = "case.json"
FORMAT = 1  # Goes up with what an older fsim cannot read.
KIND = "answer"  # Of the records that a case is made of.
MAX_BYTES = audit.MAX_LINE  # Of case.json: of MAX_FILES photographs, each with an answer, 6 kB are left for one.
MAX_FILE = 1 << 29  # Bytes of an input or of a file of the case: as photographs.MAX_BYTES.
MAX_FILES = 10_000
OWN = (CASE, AUDIT)

_DIGEST = Rule(lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value)), "a SHA-256")
_VALUE = Rule(lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{128}", value)), "a signature")
_TIME = Rule(lambda value: isinstance(value, str) and bool(audit.TIME.fullmatch(value)), "a time in UTC")
_TEXTS = Rule(lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value), "a list of texts")
_FOLDER = Rule(lambda value: isinstance(value, str) and value.startswith("/"), "an absolute path")
_MAYBE = Rule(lambda value: value is None or isinstance(value, dict), "an object or null")
_FILES = Rule(lambda value: isinstance(value, list) and len(value) <= MAX_FILES, f"a list of {MAX_FILES:,} at most")
_NAME = re.compile(r"\w[\w. -]*")  # Of a file of the case: no name leads out of the folder, none is hidden.
_SIZE = fields.whole(0, MAX_FILE)

CONTENT = {  # What a record has too.
  "fsim": TEXT,
  "verb": TEXT,
  "command": _TEXTS,
  "directory": _FOLDER,  # Where the command was given, from which relative paths of inputs count.
  "environment": OBJECT,
  "inputs": _FILES,
  "parameters": OBJECT,
  "weights": _MAYBE,
  "calibration": _MAYBE,
  "result": Rule(lambda value: True, "anything"),
  "outputs": _FILES,
}
FIELDS = {
  "format": fields.whole(1, FORMAT),
  "time": _TIME,
  **CONTENT,
  "head": OBJECT,
  "signature": _MAYBE,
}
INPUT = {"role": TEXT, "path": TEXT, "sha256": _DIGEST, "bytes": _SIZE}
OUTPUT = {"file": Rule(lambda value: is_name(value), "a name of a file"), "sha256": _DIGEST, "bytes": _SIZE}
HEAD = {"records": fields.whole(1, audit.MAX_RECORDS), "sha256": _DIGEST}
WEIGHTS = {"name": TEXT, "version": TEXT, "sha256": _DIGEST}
CALIBRATION = {"name": TEXT, "sha256": _DIGEST}
SIGNATURE = {"algorithm": fields.one_of([signing.ALGORITHM]), "key": _DIGEST, "value": _VALUE}


class Input(NamedTuple):
  """A file that the answer is about. role: such as questioned or reference. path: as it was given."""

  role: str
  path: str
  sha256: str
  bytes: int


class Calibration(NamedTuple):
  name: str
  sha256: str


class Question(NamedTuple):
  """What was asked, before it is answered.

  Attributes:
    command: as it was given, such as ("fsim", "compare", ...); the second is the verb.
    directory: where it was given, of `working_folder`.
    parameters: every setting that the answer depends on, as JSON has it; defaults too.
    weights, calibration: by which it is answered, None where there are none.
  """

  command: tuple[str, ...]
  directory: str
  inputs: tuple[Input, ...]
  parameters: dict[str, Any]
  weights: Description | None = None
  calibration: Calibration | None = None


def hashed(role: str, path: Path) -> Input:
  """Raises Unreadable for what is no regular file, and above MAX_FILE."""
  return Input(role, str(path), *inputs.sha256(path, MAX_FILE))


def begin(place: Path, *names: str) -> Folder:
  """The folder of a case, to be called before the work: where nothing foreign would be replaced by these files.

  Raises UserError where something would be, and where a former case is there whose chain does not hold.
  """
  wrong = [name for name in names if not is_name(name) or name in OWN]
  if wrong:
    raise ValueError(f"{wrong[0]!r} cannot be a file of a case")
  folder = Folder(place)
  folder.claim(*OWN, *names)
  _former(place)
  return folder


def working_folder() -> str:
  """To be called before the work. Raises UserError where it is not there any more."""
  try:
    return os.getcwd()
  except FileNotFoundError as error:
    raise UserError("the working folder is not there any more, and a case says where its command was given") from error


def require_few(place: Path, count: int) -> None:
  """Raises UserError for more inputs than a case can hold; to be called before the work."""
  if count > MAX_FILES:
    raise UserError(f"{shown(place)}: a case can hold {MAX_FILES:,} files, and these are {count:,}; make several cases")


def write(folder: Folder, question: Question, result: Any, files: Mapping[str, bytes], key: Any = None) -> None:
  """Writes these files by their names, a further record of the chain, and case.json, each whole or not at all.

  result: as JSON has it. key: of `signing.read_private`. Raises UserError as `begin`.
  """
  with lock.alone(folder.path):
    begin(folder.path, *files)
    content = _content(question, result, [_output(name, data) for name, data in files.items()])
    former = _former(folder.path)
    data = inputs.read_bytes(folder.path / AUDIT, audit.MAX_BYTES) if former.digests else b""
    data += audit.next_line(former, KIND, content)
    chain = audit.parsed(folder.path / AUDIT, data)
    signature = signing.sign(key, chain.head) if key else None
    said = {"format": FORMAT, "time": chain.last["time"], **content, "head": chain.head, "signature": signature}
    require_few(folder.path, len(question.inputs))
    fits = len(data) <= audit.MAX_BYTES and len(spelled(said)) <= MAX_BYTES
    if not fits or any(len(written) > MAX_FILE for written in files.values()):
      raise UserError(f"{shown(folder.path)}: more than a case can hold; name another folder, or fewer photographs")
    for name, written in (*files.items(), (AUDIT, data), (CASE, spelled(said))):
      folder.write(name, written)


def read(place: Path) -> dict[str, Any]:
  """case.json of a folder. Raises Unreadable for what is none, or is spelled otherwise than fsim does."""
  path = place / CASE
  require_own(path)
  said = inputs.read_json(path, "format", limit=MAX_BYTES)
  if type(said["format"]) is int and said["format"] > FORMAT:
    raise Unreadable(path, f"of a newer fsim (format {said['format']}, this one reads up to {FORMAT})")
  try:
    if spelled(said) != inputs.read_bytes(path, MAX_BYTES):
      raise Unreadable(path, "not spelled as fsim does")  # A field that stands there twice, for example.
  except ValueError as error:  # Too deep, or a number so large that it was read as an infinity.
    raise error if isinstance(error, Unreadable) else Unreadable(path, "not JSON as fsim writes it") from error
  fields.require(path, said, FIELDS)
  fields.require(path, said["head"], HEAD, "head.")
  for name, rules in (("weights", WEIGHTS), ("calibration", CALIBRATION), ("signature", SIGNATURE)):
    if said[name] is not None:
      fields.require(path, said[name], rules, f"{name}.")
  for name, rules, once in (("inputs", INPUT, "path"), ("outputs", OUTPUT, "file")):
    for k, row in enumerate(said[name]):
      if not isinstance(row, dict):
        raise Unreadable(path, f"the field '{name}.{k}' must be an object")
      fields.require(path, row, rules, f"{name}.{k}.")
    if len({row[once] for row in said[name]}) < len(said[name]):
      raise Unreadable(path, f"{name} names a file twice")
  return said


def spelled(said: dict[str, Any]) -> bytes:
  """case.json as it is written. Raises ValueError as `audit.canonical`."""
  audit.canonical(said)
  return console.to_json(said).encode()


def is_name(value: Any) -> bool:
  """Whether a file of a case can be called so; what fsim keeps for itself cannot."""
  return isinstance(value, str) and bool(_NAME.fullmatch(value)) and value not in (*OWN, "lock")


def require_own(path: Path) -> None:
  """Raises Unreadable for a link in the place of a file of a case: what it leads to is no part of it."""
  if os.path.islink(path):
    raise Unreadable(path, "a link, which is not followed")


def _former(place: Path) -> Chain:
  """The chain as it is. Raises Unreadable if it is not whole, or not the one of which case.json speaks.

  It may be longer by what was written right before a kill.
  """
  if not os.path.lexists(place / AUDIT):
    if os.path.lexists(place / CASE):
      raise Unreadable(place / AUDIT, "missing, and case.json speaks of it; name another folder")
    return audit.EMPTY
  chain = audit.read(place / AUDIT)
  if os.path.lexists(place / CASE):
    head = read(place)["head"]
    if chain.digests[head["records"] - 1 : head["records"]] != (head["sha256"],):
      raise Unreadable(place / AUDIT, "not the chain of which case.json speaks; name another folder")
  return chain


def _content(question: Question, result: Any, files: list[dict[str, Any]]) -> dict[str, Any]:
  """In the order of case.json."""
  weights, calibration = question.weights, question.calibration
  return {
    "fsim": fsim.__version__,
    "verb": question.command[1],
    "command": list(question.command),
    "directory": question.directory,
    "environment": run.environment(),
    "inputs": [one._asdict() for one in question.inputs],
    "parameters": question.parameters,
    "weights": weights._asdict() if weights else None,
    "calibration": calibration._asdict() if calibration else None,
    "result": result,
    "outputs": files,
  }


def _output(name: str, data: bytes) -> dict[str, Any]:
  return {"file": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
