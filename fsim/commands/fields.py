"""What configurations are for, their modes, and what their fields mean, as their own files say it.

A field is set by a line of its own, `config.data.fold = 0  # Comment.`, or by a function that makes a section (or the
whole), `config.data = common.data(source="virtual/tiny")`: then the comment beside its argument counts, or the one that
stands in that function.
"""

import ast
import importlib.util
import io
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fsim.boundary import programs
from fsim.boundary.inputs import read_bytes
from fsim.boundary.text import shown

SOURCE_BYTES = 1 << 20
WIDEST = 24  # Letters of a value that others are aligned with.


def listed() -> str:
  """The configurations that came with fsim: a line about each, and its modes."""
  lines = ["Configurations:"]
  for file in programs.listed():
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


class Remarks(NamedTuple):
  """Comments by the number of their line: those beside code, and those that have a line of their own."""

  beside: dict[int, str]
  alone: dict[int, str]

  def on(self, node: ast.Assign | ast.keyword) -> str:
    """The comment beside what a node says, or, without one, those above it."""
    told, line = [], node.lineno
    while (line := line - 1) in self.alone:
      told.insert(0, self.alone[line])
    return self.beside.get(node.end_lineno) or " ".join(told)


def comments(source: str) -> dict[str, str]:
  """Field -> the last comment on it; empty where nothing is said. In the order in which fields are first set."""
  return _of_function(source, "get_config")


def _of_function(source: str, function: str) -> dict[str, str]:
  """The fields that a function of a module sets."""
  tree, remarks, found = ast.parse(source), _remarks(source), {}
  bodies = [node.body for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function]
  for node in bodies[0] if bodies else []:
    if not isinstance(node, ast.Assign):
      continue
    name, value = ast.unparse(node.targets[0]).partition(".")[2], node.value
    said = {name: remarks.on(node)} if name else {}
    if isinstance(value, ast.Call):
      arguments = {keyword.arg: remarks.on(keyword) for keyword in value.keywords if keyword.arg}
      made = _of_call(source, tree, value.func)
      said = {f"{name}.{own}".lstrip("."): arguments.get(own) or told for own, told in made.items()} or said
    found |= {name: told or found.get(name, "") for name, told in said.items()}
  return found


def _of_call(source: str, tree: ast.Module, function: ast.expr) -> dict[str, str]:
  """The fields that a called function sets: one of the same module, or of another that is imported by its name."""
  if isinstance(function, ast.Name):
    return _of_function(source, function.id)
  imported = {
    alias.asname or alias.name: f"{node.module}.{alias.name}"
    for node in tree.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
  }
  module, _, name = ast.unparse(function).rpartition(".")
  spec = importlib.util.find_spec(imported[module]) if module in imported else None
  return _of_function(_source(Path(spec.origin)), name) if spec else {}


def _remarks(source: str) -> Remarks:
  remarks = Remarks({}, {})
  for token in tokenize.generate_tokens(io.StringIO(source).readline):
    if token.type == tokenize.COMMENT:
      whole = token.line.strip().startswith("#")
      (remarks.alone if whole else remarks.beside)[token.start[0]] = token.string.removeprefix("#").strip()
  return remarks


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
