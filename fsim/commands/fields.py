"""What configurations are for, their modes, and what their fields mean, as their own files say it."""

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

from fsim.boundary import programs
from fsim.boundary.inputs import read_bytes
from fsim.boundary.text import shown

SOURCE_BYTES = 1 << 20
WIDEST = 24  # Letters of a value that others are aligned with.


def listed() -> str:
  """The configurations that came with fsim: a line about each, and its modes."""
  lines = ["Configurations:"]
  for file in sorted(programs.installed().glob("[!_]*.py")):
    source = _source(file)
    lines += [f"  {programs.FOLDER}/{file.name}  {_title(source)}", f"    modes: {', '.join(modes(source)) or 'none'}"]
  return "\n".join(lines)


def described(path: Path, mode: str) -> str:
  """A line a field: its value in that mode and its comment. Raises UserError and ValueError as loading does."""
  from fsim.commands import flagged  # Here: what is not asked about one configuration need not wait for ml_collections.

  file = programs.existing(path)
  values = dict(_flat(flagged.loaded(file, mode).to_dict()))  # First: it says what is wrong with a file.
  source = _source(file)
  said = comments(source)
  names = sorted(values, key=lambda name: [*said, name].index(name))  # In the order of the file.
  rows = [(name, _value(values[name]), said.get(name, "")) for name in names]
  return "\n".join(
    [
      f"{shown(path)}{f':{mode}' if mode else ''}: {_title(source)}",
      f"modes: {', '.join(modes(source)) or 'none'}",
      "Fields, given as --config.FIELD=VALUE:",
      *_aligned(rows),
    ]
  )


def modes(source: str) -> list[str]:
  """The texts that `get_config` compares its argument with."""
  tests = [node for node in ast.walk(_get_config(source)) if isinstance(node, ast.Compare)]
  told = [test.comparators[0] for test in tests if ast.unparse(test.left) == "mode"]
  return list(dict.fromkeys(each.value for each in told if isinstance(each, ast.Constant)))


def comments(source: str) -> dict[str, str]:
  """Field -> the comment beside the line that first sets it, and, without one, those that stand above it."""
  beside, alone = {}, {}
  for token in tokenize.generate_tokens(io.StringIO(source).readline):
    if token.type == tokenize.COMMENT:
      whole = token.line.strip().startswith("#")
      (alone if whole else beside)[token.start[0]] = token.string.removeprefix("#").strip()
  found = {}
  for node in _get_config(source).body:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
      name = ast.unparse(node.targets[0]).partition(".")[2]
      found.setdefault(name, beside.get(node.end_lineno) or _above(node.lineno, alone))
  return found


def _above(line: int, alone: dict[int, str]) -> str:
  told = []
  while (line := line - 1) in alone:
    told.insert(0, alone[line])
  return " ".join(told)


def _get_config(source: str) -> ast.FunctionDef | ast.Module:
  tree = ast.parse(source)
  return next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "get_config"), tree)


def _title(source: str) -> str:
  return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def _source(file: Path) -> str:
  return read_bytes(file, SOURCE_BYTES).decode()


def _flat(config: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
  for name, value in config.items():
    if isinstance(value, dict):
      yield from _flat(value, f"{prefix}{name}.")
    else:
      yield f"{prefix}{name}", value


def _value(value: object) -> str:
  return "none" if value is None else shown(value) or '""'


def _aligned(rows: Sequence[tuple[str, str, str]]) -> list[str]:
  names = max(len(name) for name, _, _ in rows)
  values = max((len(value) for _, value, _ in rows if len(value) <= WIDEST), default=0)
  return [f"  {name.ljust(names)}  {value.ljust(values)}  {said}".rstrip() for name, value, said in rows]
