"""A chain of records: whatever is changed in it is found, by the chain itself or by its head."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.boundary.inputs import Unreadable
from fsim.evidence import audit
from fsim.evidence.audit import EMPTY

FILE = Path(audit.AUDIT)  # Named in messages, not read.
CONTENTS = ({"result": 1}, {"result": {"ratio": 2.5e-7, "of": ["b", "ä"]}}, {"result": None}, {"weights": "w"})


def chained(*contents):
  data = b""
  for content in contents:
    data += audit.next_line(audit.parsed(FILE, data) if data else EMPTY, "answer", content)
  return data


DATA = chained(*CONTENTS)
CHAIN = audit.parsed(FILE, DATA)
LINES = DATA.splitlines(keepends=True)


def is_found(data):
  """Whether the chain does not hold, or its head is another one."""
  try:
    return audit.parsed(FILE, data).head != CHAIN.head
  except Unreadable:
    return True


def test_records_are_read_as_they_were_written(tmp_path):
  path = tmp_path / audit.AUDIT
  path.write_bytes(DATA)
  chain = audit.read(path)
  assert chain == CHAIN
  assert chain.head == {"records": 4, "sha256": hashlib.sha256(LINES[-1]).hexdigest()}
  records = [json.loads(line) for line in LINES]
  assert [record["sequence"] for record in records] == [1, 2, 3, 4]
  assert records[0]["previous"] == "0" * 64
  assert records[1]["previous"] == hashlib.sha256(LINES[0]).hexdigest()
  assert [record[name] for record, content in zip(records, CONTENTS, strict=True) for name in content] == [
    value for content in CONTENTS for value in content.values()
  ]


def test_content_cannot_pass_for_the_fields_of_the_chain():
  data = chained({"sequence": 9, "previous": "f" * 64, "kind": "other", "format": 7, "time": "never"})
  assert audit.parsed(FILE, data).last["kind"] == "answer"


def test_a_changed_byte_at_every_place_is_found():
  assert all(is_found(DATA[:k] + bytes([DATA[k] ^ 1]) + DATA[k + 1 :]) for k in range(len(DATA)))


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_any_single_byte_change_is_found(place, by):
  assert is_found(DATA[:place] + bytes([(DATA[place] + by) % 256]) + DATA[place + 1 :])


@given(st.integers(0, len(DATA)), st.binary(min_size=1, max_size=3))
def test_inserted_bytes_are_found(place, more):
  assert is_found(DATA[:place] + more + DATA[place:])


@given(st.integers(0, len(DATA) - 1), st.integers(1, len(DATA)))
def test_bytes_that_are_left_out_are_found(place, count):
  assert is_found(DATA[:place] + DATA[place + count :])


ATTACKS = {
  "edited record": (
    lambda a, b, c, d: [a, b.replace(b"2.5e-07", b"2.5e-08"), c, d],
    "record 3 is not chained to",
  ),
  "reordered records": (lambda a, b, c, d: [a, c, b, d], "record 2 says that it is record 3"),
  "record inserted": (lambda a, b, c, d: [a, b, b, c, d], "record 3 says that it is record 2"),
  "record left out": (lambda a, b, c, d: [a, c, d], "record 2 says that it is record 3"),
  "first record left out": (lambda a, b, c, d: [b, c, d], "record 1 says that it is record 2"),
  "cut in a record": (lambda a, b, c, d: [a, b, c, d[:-9]], "cut within its last record"),
  "empty": (lambda a, b, c, d: [], "empty"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_are_found_and_named(attack):
  change, cause = ATTACKS[attack]
  with pytest.raises(Unreadable, match=cause):
    audit.parsed(FILE, b"".join(change(*LINES)))


def test_a_record_that_is_numbered_to_fit_is_not_chained():
  forged = json.loads(LINES[2]) | {"sequence": 2}
  with pytest.raises(Unreadable, match="record 2 is not chained to record 1, or that one was changed"):
    audit.parsed(FILE, LINES[0] + audit.canonical(forged) + b"\n")


FOREIGN = {
  "other spelling": (b'{"format": 1}', "not JSON as fsim writes it"),
  "a field twice": (LINES[0][:-2] + b',"time":"x"}', "not JSON as fsim writes it"),
  "no object": (b"[]", "not JSON as fsim writes it"),
  "infinity": (b'{"a":1e999}', "not JSON as fsim writes it"),
  "NaN": (b'{"a":NaN}', "not JSON as fsim writes it"),
  "many digits": (b'{"a":' + b"9" * 9999 + b"}", "not JSON as fsim writes it"),
  "deep": (b'{"a":' + b"[" * 100_000, "not JSON as fsim writes it"),
  "nested": (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "not JSON as fsim writes it"),
  "no fields": (b"{}", "lacks the field 'format'"),
  "newer": (LINES[0][:-1].replace(b'"format":1', b'"format":2'), "has the format 2, and this fsim reads 1"),
  "no time": (LINES[0][:-1].replace(b"Z", b"z"), "has no time or kind"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_fsim_never_writes_is_refused_in_a_line(kind):
  line, cause = FOREIGN[kind]
  with pytest.raises(Unreadable, match=cause) as caught:
    audit.parsed(FILE, line + b"\n")
  assert len(str(caught.value).splitlines()) == 1


def test_limits_are_kept(tmp_path, monkeypatch):
  path = tmp_path / audit.AUDIT
  path.write_bytes(DATA)
  for name in ("MAX_BYTES", "MAX_LINE", "MAX_RECORDS"):
    with monkeypatch.context() as patch:
      patch.setattr(audit, name, 3)
      with pytest.raises(Unreadable, match=r"larger than|longer than 3 bytes|more than 3 records"):
        audit.read(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_numbers_that_json_lacks_are_our_mistake(value):
  with pytest.raises(ValueError, match="not JSON compliant"):
    audit.next_line(EMPTY, "answer", {"result": value})


@given(
  st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda v: st.lists(v) | st.dictionaries(st.text(), v),
    max_leaves=8,
  )
)
def test_what_has_one_meaning_has_one_spelling(value):
  spelled = audit.canonical(value)
  assert audit.canonical(json.loads(spelled)) == spelled
  assert json.loads(spelled) == value


def test_names_that_are_not_utf8_are_kept():
  name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
  assert json.loads(audit.canonical({"path": name})) == {"path": name}
