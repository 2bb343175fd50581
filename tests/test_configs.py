"""Every configuration loads in all modes, and it is known which of its fields a run has read.

That each is read is tested where the runs are: `recording.unread` of the quick run of every system.
"""

import json
from functools import partial

import pytest
from ml_collections import ConfigDict

from fsim.boundary import programs
from fsim.data.loader import Reading
from fsim.run import flat
from fsim.systems import SYSTEMS
from tests.commands import config
from tests.recording import READ, Recording, Reported, added, invented, unread

CONFIGS = programs.listed()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_config_opens_with_its_command_and_result_and_loads_in_all_modes(path):
  opening = path.read_text().split('"""')[1]
  assert f"fsim train --config=configs/{path.name}" in opening
  assert "\nExpected on the virtual " in opening
  names = {tuple(sorted(flat(config(path, mode).to_dict()))) for mode in ("", "quick", "paper")}
  assert len(names) == 1
  assert config(path).system in SYSTEMS


READS = {
  "by attribute": lambda config: config.data.source,
  "by key": lambda config: config["data"]["source"],
  "by dotted key": lambda config: config["data.source"],
  "by get": lambda config: config.data.get("source"),
  "in a call": lambda config: dict(**config.data),
  "by a stored part": lambda config: partial(getattr, config.data)("source"),
}
DUMPS = {
  "to_dict": lambda config: config.data.to_dict(),
  "to_json": lambda config: config.to_json(),
  "copy": lambda config: config.copy_and_resolve_references().to_dict(),
  "names": lambda config: ["source" in config.data, *config.data, *config.data.keys()],
  "print": str,
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_field_that_is_looked_up_is_noted(read):
  names = set()
  read(Recording({"data": {"source": "virtual"}, "seed": 0}, names))
  assert names == {"data.source"}


@pytest.mark.parametrize("read", [READS["by key"], lambda config: config["data"].get("source")])
def test_so_is_one_of_what_reports_are_handed(read):
  names = set()
  assert read(Reported({"data": {"source": "virtual"}, "seed": 0}, names)) == "virtual"
  assert names == {"data.source"}


@pytest.mark.parametrize("dump", DUMPS.values(), ids=DUMPS)
def test_all_fields_together_are_not_looked_up(dump):
  names, plain = set(), ConfigDict({"data": {"source": "virtual"}, "seed": 0})
  assert dump(Recording(plain, names)) == dump(plain)
  assert not names


def test_a_field_that_nothing_read_is_found(tmp_path):
  (tmp_path / "run").mkdir()
  settings = {"system": "device", "seed": 0, "data": {"source": "", "sauce": ""}, "input": {"hood": 3}}
  (tmp_path / "run" / "config.json").write_text(json.dumps(settings))
  (tmp_path / READ).write_text(json.dumps(["seed", "data.source"]))
  assert unread(tmp_path / "run") == {"data.sauce", "input.hood"}


@pytest.mark.parametrize("name", ["invented", "data.invented"])
def test_what_is_invented_and_yet_seems_to_be_read_is_told(tmp_path, name):
  (tmp_path / "run").mkdir()
  (tmp_path / "run" / "config.json").write_text(json.dumps({"system": "device", "data": {"source": ""}}))
  (tmp_path / READ).write_text(json.dumps(["data.source", name]))
  with pytest.raises(AssertionError):
    unread(tmp_path / "run")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_what_is_invented_stands_in_every_section_and_is_not_dumped(path):
  """But for `reading`, whose settings are a function's arguments."""
  plain, names = config(path), set()
  recorded = Recording(added(config(path).lock()), names)
  assert recorded.to_dict() == plain.to_dict()
  assert json.loads(recorded.to_json()) == json.loads(plain.to_json())
  for name in invented(plain.to_dict()):
    assert recorded[name] == 0
  assert names == invented(plain.to_dict())
  assert {"invented", "data.invented", "extractor.invented", "evaluate.invented"} <= names
  with pytest.raises(TypeError, match="invented"):
    Reading(**added(config(path).reading))
