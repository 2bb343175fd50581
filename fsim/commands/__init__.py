"""The command `fsim VERB ...`: what the verbs are, and how each begins and ends.

Nothing else is imported here: `fsim --help` answers at once, and a verb waits for its own imports only.
"""

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

import fsim

QUESTION = "Do these photographs come from the same camera?"
ENDS = (
  "`fsim VERB --help` lists what a verb takes, `fsim --version` prints the version.",
  "Exit codes: 0 every input got its answer, 1 some got none, 2 usage, 75 stopped by SIGTERM, 130 Ctrl-C.",
)


class Verb(NamedTuple):
  """module: has `main(arguments) -> exit code`. help: one line."""

  module: str
  help: str


VERBS: dict[str, Verb] = {
  "check": Verb("fsim.commands.check", "what a folder of photographs holds, and which protocols it can serve"),
  "simulate": Verb("fsim.commands.simulate", "make photographs of virtual cameras"),
  "public": Verb("fsim.commands.public", "rebuild public photographs of real cameras from their origins"),
  "train": Verb("fsim.commands.train", "train and evaluate one of the systems"),
  "report": Verb("fsim.commands.report", "write the page of a finished run anew"),
  "fingerprint": Verb("fsim.commands.fingerprint", "the sensor fingerprint (PRNU) of one camera"),
  "merge": Verb("fsim.commands.merge", "one fingerprint of several of one camera"),
  "match": Verb("fsim.commands.match", "photographs against fingerprints or photographs (PRNU)"),
  "matrix": Verb("fsim.commands.matrix", "all pairs of a folder's photographs (PRNU)"),
  "compare": Verb("fsim.commands.compare", "likelihood ratios of one camera, and a case to hand over"),
  "link": Verb("fsim.commands.link", "which photographs are of one camera (sensor noise)"),
  "calibrate": Verb("fsim.commands.calibrate", "what scores are worth as likelihood ratios, from your own cameras"),
  "identify": Verb("fsim.commands.identify", "the camera model of photographs, or none of those learned"),
  "splice": Verb("fsim.commands.splice", "where a photograph holds what another camera model took"),
  "cluster": Verb("fsim.commands.cluster", "which photographs are from one camera model"),
  "validate": Verb("fsim.commands.validate", "whether likelihood ratios hold on known cameras, a validation report"),
  "verify": Verb("fsim.commands.verify", "whether a case is as it was written, and its answer the same today"),
  "weights": Verb("fsim.commands.weights", "the weights that come with fsim, and what they learned from"),
  "caffe": Verb("fsim.commands.caffe", "a predictor from the weights published with Bondi et al. 2017"),
  "sweep": Verb("launch.sweep", "many runs of one configuration, and one table of their results"),
}


def program(*verbs: str) -> NoReturn:
  """What a shell starts: `fsim`, or a command that has some of its verbs; of a single one the arguments are all."""
  from fsim.boundary import compiled, waking

  waking.begin()
  compiled.keep()
  from fsim.boundary import console

  def command(arguments: Sequence[str]) -> int:
    return call(verbs[0], arguments) if len(verbs) == 1 else main(arguments, verbs or tuple(VERBS))

  console.leave(console.run(command, sys.argv[1:]))


def main(arguments: Sequence[str], verbs: Sequence[str] = tuple(VERBS)) -> int:
  from fsim.boundary import console
  from fsim.boundary.text import shown

  verb, *rest = arguments or [""]
  if verb in verbs:
    return call(verb, rest)
  if verb in ("-h", "--help"):
    console.say(usage(verbs))
    return console.ANSWERED
  if verb == "--version":
    console.say(f"fsim {fsim.__version__}")
    return console.ANSWERED
  nearest = difflib.get_close_matches(verb, verbs, n=1)
  hint = f"did you mean {nearest[0]}?" if nearest else f"give one of {', '.join(verbs)}"
  console.note(f"there is no verb {shown(verb)}; {hint}" if verb else f"a verb is missing; {hint}")
  return console.USAGE


def call(verb: str, arguments: Sequence[str]) -> int:
  """Raises UserError where a package is missing that the verb needs (docs/install.md has who needs which)."""
  from fsim.boundary import waking
  from fsim.boundary.errors import UserError

  try:
    with waking.importing():
      module = importlib.import_module(VERBS[verb].module)
    return module.main(arguments)
  except ModuleNotFoundError as error:
    if (error.name or "fsim").split(".")[0] == "fsim":
      raise
    raise UserError(f"fsim {verb} needs the package {error.name}, which is not installed") from error


def usage(verbs: Sequence[str]) -> str:
  width = max(map(len, verbs))
  lines = [f"  {verb.ljust(width)}  {VERBS[verb].help}" for verb in verbs]
  return "\n".join(["usage: fsim VERB ...", "", QUESTION, "", *lines, "", *ENDS])
