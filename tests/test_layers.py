"""A module imports only rooms that come before its own in this list, and nobody imports TensorFlow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = [
  "boundary",
  "cpu",
  "virtual",
  "data",
  "prnu",
  "models",
  "train",
  "metrics",
  "store",
  "run",
  "report",
  "systems",
  "main",
]
COMMANDS = {
  "simulate": "data",
  "identify": "systems",
  "group": "systems",
  "splice": "systems",
}  # Programs beside the rooms: each may import up to the room named.


def room_of(module: str) -> str:
  return module.split(".")[1] if "." in module else ""


def imported(path: Path) -> set[str]:
  tree = ast.parse(path.read_text())
  names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
  for node in ast.walk(tree):
    if isinstance(node, ast.ImportFrom) and node.module:
      names |= {node.module} | ({f"fsim.{a.name}" for a in node.names} if node.module == "fsim" else set())
  return {name for name in names if name.startswith("fsim.")}


MODULES = sorted((ROOT / "fsim").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_look_only_upwards(path):
  own = path.relative_to(ROOT / "fsim").with_suffix("").parts[0]
  if own == "__init__":
    return
  if path.name == "__main__.py":  # A command, which may use everything.
    own = "main"
  own = COMMANDS.get(own, own)
  assert own in ROOMS, f"{own} has no place in the list of rooms"
  below = {m for m in imported(path) if ROOMS.index(room_of(m)) > ROOMS.index(own)}
  assert not below


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_short(path):
  assert len(path.read_text().splitlines()) <= 250


def test_tensorflow_is_never_imported():
  code = "import sys, fsim.main; sys.exit('tensorflow' in sys.modules)"
  assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


SYSTEMS = sorted(path.parent.name for path in (ROOT / "fsim" / "systems").glob("*/run.py"))


@pytest.mark.parametrize("path", sorted((ROOT / "fsim" / "systems").rglob("*.py")), ids=str)
def test_no_system_knows_another(path):
  """What several use lies beside their folders, and knows none of them."""
  own = path.parent.name if path.parent.name in SYSTEMS else None
  others = {f"fsim.systems.{name}" for name in SYSTEMS if name != own}
  assert not {module for module in imported(path) if any(module == o or module.startswith(f"{o}.") for o in others)}
