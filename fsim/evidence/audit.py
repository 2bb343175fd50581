"""audit.jsonl: records, one a line, each chained to the one before by the SHA-256 of that line, newline included.

A record is canonical JSON: keys sorted, no spaces, letters beyond ASCII escaped, numbers as Python writes them (the
shortest that reads back the same). RFC 8785 writes some numbers otherwise and cannot hold file names that are not
UTF-8, so it is not followed. A line that is not canonical is refused: what has one meaning has one spelling.
"""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fsim.boundary.inputs import Unreadable, read_bytes

AUDIT = "audit.jsonl"
FORMAT = 1  # Goes up with what an older fsim cannot read.
BEFORE_ALL = "0" * 64  # What the first record is chained to.
MAX_BYTES = 256_000_000
MAX_LINE = 64_000_000
MAX_RECORDS = 100_000
MAX_DEPTH = 32  # Objects and lists in one another.
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
FIELDS = ("format", "sequence", "previous", "time", "kind")  # Of every record, beside what it is about.


class Chain(NamedTuple):
  """digests: the SHA-256 of each record's line. last: the last record, {} where there is none."""

  digests: tuple[str, ...]
  last: dict[str, Any]

  @property
  def head(self) -> dict[str, Any]:
    """How many records there are and the SHA-256 of the last: what binds them all."""
    return {"records": len(self.digests), "sha256": self.digests[-1] if self.digests else BEFORE_ALL}


EMPTY = Chain((), {})


def read(path: Path) -> Chain:
  """Raises Unreadable, which names the first record that does not hold."""
  return parsed(path, read_bytes(path, MAX_BYTES))


def parsed(path: Path, data: bytes) -> Chain:
  """The chain of these bytes of the file. Raises Unreadable as `read`."""
  if not data:
    raise Unreadable(path, "empty")
  if not data.endswith(b"\n"):
    raise Unreadable(path, "cut within its last record")
  if data.count(b"\n") > MAX_RECORDS:
    raise Unreadable(path, f"more than {MAX_RECORDS:,} records")
  chain = EMPTY
  digests: list[str] = []
  for number, line in enumerate(data[:-1].split(b"\n"), 1):
    record = _record(path, number, line)
    if record["sequence"] != number:
      raise Unreadable(path, f"record {number} says that it is record {record['sequence']!r}")
    if record["previous"] != (digests[-1] if digests else BEFORE_ALL):
      before = f"record {number - 1}, or that one was changed" if digests else "the beginning"
      raise Unreadable(path, f"record {number} is not chained to {before}")
    digests.append(hashlib.sha256(line + b"\n").hexdigest())
    chain = Chain((), record)
  return chain._replace(digests=tuple(digests))


def next_line(chain: Chain, kind: str, content: Mapping[str, Any]) -> bytes:
  """The line of a record that is to follow. The time is what this machine's clock says, in UTC."""
  now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
  own = (FORMAT, len(chain.digests) + 1, chain.head["sha256"], now, kind)
  return canonical({**content, **dict(zip(FIELDS, own, strict=True))}) + b"\n"


def canonical(value: Any) -> bytes:
  """The one spelling of a value. Raises ValueError for one that is nested too deeply and for NaN and the infinities."""
  layer = [value]
  for _ in range(MAX_DEPTH + 1):
    layer = [inner for one in layer if isinstance(one, (dict, list, tuple)) for inner in _inside(one)]
  if layer:
    raise ValueError(f"nested deeper than {MAX_DEPTH}")
  return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _inside(value: Any) -> Any:
  return value.values() if isinstance(value, dict) else value


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
  if len(line) > MAX_LINE:
    raise Unreadable(path, f"record {number} is longer than {MAX_LINE:,} bytes")
  try:
    record = json.loads(line)
    spelled = canonical(record)
  except (ValueError, RecursionError) as error:
    raise Unreadable(path, f"record {number} is not JSON as fsim writes it") from error
  if spelled != line or not isinstance(record, dict):
    raise Unreadable(path, f"record {number} is not JSON as fsim writes it")
  missing = [name for name in FIELDS if name not in record]
  if missing:
    raise Unreadable(path, f"record {number} lacks the field {missing[0]!r}")
  if record["format"] != FORMAT:
    raise Unreadable(path, f"record {number} has the format {record['format']!r}, and this fsim reads {FORMAT}")
  if not isinstance(record["kind"], str) or not isinstance(record["time"], str) or not TIME.fullmatch(record["time"]):
    raise Unreadable(path, f"record {number} has no time or kind")
  return record
