"""Which weights came with fsim, and what they learned from: sources, licences, figures, limits.

  fsim weights                 a line each
  fsim weights NAME            the card of one, in Markdown

They answer where a verb is given no --run. All their files are compared with the card. docs/weights.md says how to
make one's own.
"""

from collections.abc import Sequence

from fsim import weights
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.commands import options
from fsim.weights import card

NONE = "no weights came with this fsim"


def main(arguments: Sequence[str]) -> int:
  parser = options.parser("weights", __doc__)
  parser.add_argument("name", nargs="?", metavar="NAME", help="of weights; by default all")
  options.add_json(parser)
  chosen = parser.parse_args(arguments)
  names = [chosen.name] if chosen.name is not None else weights.names()
  found, lost = [], 0
  for name in names:
    try:
      opened = weights.open(name)
    except UserError as error:
      console.note(str(error))
      lost += 1
      continue
    said = weights.read_card(opened.folder)
    found.append({"sha256": opened.description.sha256} | said)
    if not chosen.json:
      about = f"{opened.description}, system {said['system']}, {weights.size(opened.folder):,} bytes"
      console.say("\n".join(map(shown, (card.text(said) if chosen.name else about).splitlines())))
  if chosen.json:
    console.say(console.to_json(found))
  elif not names:
    console.say(NONE)
  return console.INCOMPLETE if lost else console.ANSWERED
