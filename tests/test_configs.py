"""Every configuration loads, is locked by the command line, and has no field that the program does not read."""

import re

import pytest

from fsim.run import flat
from fsim.systems import SYSTEMS
from tests.commands import ROOT, config

CONFIGS = sorted(path for path in (ROOT / "configs").glob("*.py") if path.stem != "__init__")
SOURCE = "\n".join(path.read_text() for path in (ROOT / "fsim").rglob("*.py"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_config_opens_with_its_command_and_loads_in_all_modes(path):
  assert f"fsim train --config=configs/{path.name}" in path.read_text().split('"""')[1]
  names = {tuple(sorted(flat(config(path, mode).to_dict()))) for mode in ("", "quick", "paper")}
  assert len(names) == 1
  assert config(path).system in SYSTEMS


@pytest.mark.parametrize("path", CONFIGS, ids=lambda p: p.stem)
def test_every_field_is_read(path):
  for field in flat(config(path).to_dict()):
    last = field.split(".")[-1]
    read = re.search(rf"\.{last}\b|[\"']{last}[\"']|\b{last}: |def \w+\([^)]*\b{last}\b", SOURCE)
    assert read, f"nothing reads {field}"
