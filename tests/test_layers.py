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
  "models",
  "prnu",
  "train",
  "metrics",
  "store",
  "run",
  "report",
  "systems",
  "weights",
  "evidence",
  "commands",
]
DOORS = {  # Other names of the command's verbs, for `python -m`; they import the commands, and nothing imports them.
  "__main__.py",
  "data/check.py",
  "group.py",
  "identify.py",
  "main.py",
  "prnu/__main__.py",
  "report/__main__.py",
  "simulate.py",
  "splice.py",
}


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
  if str(path.relative_to(ROOT / "fsim")) in DOORS:
    assert imported(path) == {"fsim.commands"}
    return
  assert own in ROOMS, f"{own} has no place in the list of rooms"
  below = {m for m in imported(path) if ROOMS.index(room_of(m)) > ROOMS.index(own)}
  assert not below


def test_nothing_imports_a_door():
  doors = {f"fsim.{door.removesuffix('.py').replace('/', '.')}" for door in DOORS}
  assert not doors & set().union(*map(imported, MODULES))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_short(path):
  assert len(path.read_text().splitlines()) <= 250


UNDEFINED = """
def kept(rows: Float[Array, "n d"], one: Float[Array, " d"], some: Float[Array, " n *d"]) -> Float[Array, " n"]:
  return rows @ one if there else rows[:, 0]
"""


def test_a_name_that_nothing_defines_is_seen_among_shapes():
  ruff = [sys.executable, "-m", "ruff", "check", "--select=F821", "--output-format=concise", "--no-cache"]
  source = f"from jaxtyping import Array, Float\n{UNDEFINED}"
  asked = {"cwd": ROOT, "capture_output": True, "text": True, "check": False}
  found = subprocess.run([*ruff, "--stdin-filename=fsim/kept.py", "-"], input=source, **asked)
  assert [line.partition(": ")[2] for line in found.stdout.splitlines()[:-1]] == ["F821 Undefined name `there`"]
  whole = subprocess.run([*ruff, "."], **asked)
  assert whole.returncode == 0, whole.stdout


EVERYTHING = [
  str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
  for room in ("fsim", "launch")
  for path in sorted((ROOT / room).rglob("*.py"))
  if path.name != "__main__.py"
]
IMPORTS = f"""
import importlib, signal, sys
import matplotlib, PIL.Image
before = [matplotlib.rcParams._get("backend"), PIL.Image.MAX_IMAGE_PIXELS, signal.getsignal(signal.SIGINT)]
for name in {EVERYTHING}:
  importlib.import_module(name)
assert before == [matplotlib.rcParams._get("backend"), PIL.Image.MAX_IMAGE_PIXELS, signal.getsignal(signal.SIGINT)]
assert "matplotlib.pyplot" not in sys.modules
assert "tensorflow" not in sys.modules
"""


def test_no_import_changes_what_belongs_to_the_process_or_brings_tensorflow():
  done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=False)
  assert done.returncode == 0, done.stderr


LIGHT = (
  "import sys, fsim.boundary.console; sys.exit(bool(sys.modules.keys() & {'numpy', 'pandas', 'jax', 'matplotlib'}))"
)


def test_a_command_begins_without_waiting_for_arrays():
  assert subprocess.run([sys.executable, "-c", LIGHT], cwd=ROOT, check=False).returncode == 0


SYSTEMS = sorted(path.parent.name for path in (ROOT / "fsim" / "systems").glob("*/run.py"))


@pytest.mark.parametrize("path", sorted((ROOT / "fsim" / "systems").rglob("*.py")), ids=str)
def test_no_system_knows_another(path):
  """What several use lies beside their folders, and knows none of them."""
  own = path.parent.name if path.parent.name in SYSTEMS else None
  others = {f"fsim.systems.{name}" for name in SYSTEMS if name != own}
  assert not {module for module in imported(path) if any(module == o or module.startswith(f"{o}.") for o in others)}
