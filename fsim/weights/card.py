"""The card of weights, card.json: its fields, and the same for people."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fsim.boundary import fields, inputs
from fsim.boundary.errors import UserError
from fsim.boundary.fields import OBJECT, TEXT, Rule
from fsim.boundary.text import shown
from fsim.data.public.repositories import HOST

CARD = "card.json"
FORMAT = 3  # Goes up with what an older fsim cannot read.
SYSTEMS = ("model", "noise")  # Whose weights can be shipped.

_DIGEST = Rule(lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value)), "a SHA-256")
_NOTED = Rule(lambda value: value == "" or _DIGEST.allows(value), "a SHA-256, or empty where none was noted")
_FILE = re.compile(r"\w[\w.]*")  # No name leads out of the folder.
_TEXTS = Rule(lambda value: _is_list(value, str), "a list of texts")
_OBJECTS = Rule(lambda value: _is_list(value, dict), "a list of objects")

FIELDS = {
  "format": fields.whole(1, FORMAT),
  "name": TEXT,
  "version": TEXT,
  "system": fields.one_of(SYSTEMS),
  "files": OBJECT,  # Name -> SHA-256.
  "training": OBJECT,
  "data": OBJECT,
  "figures": _OBJECTS,
  "check": OBJECT,  # See fsim/weights/checking.py.
  "repetition": TEXT,  # How near the same commands come, on which machine.
  "limits": _TEXTS,
}
TRAINING = {
  "commands": _TEXTS,
  "commit": TEXT,  # Of fsim.
  "extractor": TEXT,  # Whose it is, if it was not learned here.
  "seed": fields.whole(0, 1 << 62),
  "python": TEXT,
  "platform": TEXT,
  "devices": TEXT,
  "packages": OBJECT,
}
DATA = {
  "source": TEXT,
  "protocol": TEXT,
  "data_digest": _NOTED,
  "images": fields.whole(1, 1 << 40),
  "recipes": OBJECT,  # Set of photographs -> SHA-256 of the recipe in fsim/data/public.
  "photographs": _OBJECTS,
}
PHOTOGRAPHS = {"repository": TEXT, "commit": TEXT, "licence": TEXT, "count": fields.whole(1, 1 << 40)}
FIGURE = {"figure": TEXT, "value": fields.number(), "command": TEXT}


def read(path: Path) -> dict[str, Any]:
  """Raises Unreadable for what is no card, UserError for one of a newer fsim."""
  card = inputs.read_json(path, "format")
  if type(card["format"]) is int and card["format"] > FORMAT:
    raise UserError(
      f"{shown(path)}: of a newer fsim (format {card['format']}, this one reads up to {FORMAT}): install that one"
    )
  fields.require(path, card, FIELDS)
  fields.require(path, card["training"], TRAINING, "training.")
  fields.require(path, card["data"], DATA, "data.")
  _require_digests(path, card["files"], "files.")
  _require_digests(path, card["data"]["recipes"], "data.recipes.")
  for place, row in enumerate(card["data"]["photographs"]):
    fields.require(path, row, PHOTOGRAPHS, f"data.photographs.{place}.")
  for place, row in enumerate(card["figures"]):
    fields.require(path, row, FIGURE, f"figures.{place}.")
  if card["name"] != path.parent.name:
    raise inputs.Unreadable(path, f"the card of the weights {card['name']!r}")
  for name in card["files"]:
    if not _FILE.fullmatch(name):
      raise inputs.Unreadable(path, f"{name!r} is no name of a file of weights")
  return card


def text(card: Mapping[str, Any]) -> str:
  """In Markdown."""
  training, data = card["training"], card["data"]
  packages = ", ".join(f"{name} {version}" for name, version in training["packages"].items())
  return "\n".join(
    [
      f"# {card['name']}, version {card['version']}",
      "",
      f"Of the system {card['system']}, fsim at commit {training['commit']}, seed {training['seed']}.",
      f"Python {training['python']}, {packages}; {training['platform']}, {training['devices']}.",
      "",
      "## How it was trained",
      *(f"    {command}" for command in training["commands"]),
      *([f"Its extractor is that of {training['extractor']}."] if training["extractor"] else []),
      "",
      f"How near the same commands come: {card['repetition'] or 'not measured'}",
      "",
      "## What it learned from",
      f"{data['source']} ({data['images']:,} images, protocol {data['protocol']}, "
      f"digest {data['data_digest'] or 'not noted'}).",
      *(f"The recipe of {name} has the SHA-256 {digest}." for name, digest in data["recipes"].items()),
      *_attributions(data["photographs"]),
      "",
      "## Figures",
      *(f"- {row['figure']}: {row['value']:.4g} (`{row['command']}`)" for row in card["figures"]),
      "",
      "## Limits",
      *(f"- {limit}" for limit in card["limits"]),
      "",
      "## Files",
      *(f"    {digest}  {name}" for name, digest in card["files"].items()),
    ]
  )


def _attributions(rows: list[dict[str, Any]]) -> list[str]:
  """What CC BY asks for: whose photographs, where they are, under which licence, and what was done with them."""
  if not rows:
    return []
  head = "Photographs of these public repositories, cut to squares and learned from; none of them is in the weights:"
  return [
    "",
    head,
    *(
      f"- {HOST}/{row['repository']} at commit {row['commit']}, by {row['repository'].partition('/')[0]}: "
      f"{row['count']} photographs, {_licence(row['licence'])}"
      for row in rows
    ),
  ]


def _licence(said: str) -> str:
  """As the repository says it, with the text's address if it has a version."""
  match = re.match(r"CC (BY(?:-[A-Z]{2})*) (\d\.\d)", said)
  return f"{said} (https://creativecommons.org/licenses/{match[1].lower()}/{match[2]}/)" if match else said


def _require_digests(path: Path, values: Mapping[str, Any], inside: str) -> None:
  fields.require(path, values, dict.fromkeys(values, _DIGEST), inside)


def _is_list(value: Any, kind: type) -> bool:
  return isinstance(value, list) and all(isinstance(one, kind) for one in value)
