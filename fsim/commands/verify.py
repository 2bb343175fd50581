"""Whether a case holds: its chain of records, its files, the photographs it is about, the weights that answered.

  fsim verify CASE
  fsim verify CASE --key=public.pem     and whether it was signed by this key
  fsim verify CASE --again              and whether the computation gives the same result today

One line for each thing that does not hold or cannot be checked any more, and exit code 1 if there is one. docs/case.md
says what this shows and what it cannot.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsim.boundary import console, waking
from fsim.boundary.text import shown
from fsim.commands import options

if TYPE_CHECKING:
  from fsim.evidence.verification import Repetition, Verification

# Verb -> what repeats it from `inputs` and `parameters` of case.json, which anybody may have written: it refuses by
# UserError what it cannot take, and writes in the folder that it is given alone.
REPEATABLE: dict[str, "Repetition"] = {"compare": lambda said, folder: _compare(said, folder)}
UNSIGNED = "not signed: whoever can write to the folder could have made all of it anew"
UNCHECKED = "signed; --key=PUBLIC.pem would check by whom"
SIGNED = "signed by the key given"


def main(arguments: Sequence[str]) -> int:
  chosen = parser().parse_args(arguments)
  with waking.importing():
    from fsim.data.walk import require_folder
    from fsim.evidence import signing, verification
  require_folder(chosen.case)
  public = signing.read_public(chosen.key) if chosen.key else None
  found = verification.verify(chosen.case, public)
  if chosen.again:
    found = _repeated(found)
  if chosen.json:
    console.say(console.to_json(_facts(chosen, found)))
  else:
    _tell(chosen, found)
  return console.INCOMPLETE if found.findings else console.ANSWERED


def parser() -> argparse.ArgumentParser:
  verify = options.parser("verify", __doc__)
  verify.add_argument("case", type=console.path, metavar="CASE", help="the folder")
  verify.add_argument("--again", action="store_true", help="compute the result once more and compare it")
  told = "an Ed25519 public key in PEM, from outside the case, by which it must be signed"
  verify.add_argument("--key", type=console.path, metavar="PUBLIC.pem", help=told)
  options.add_json(verify)
  return verify


def _repeated(found: "Verification") -> "Verification":
  """Only what holds is repeated: the result of other photographs or weights would say nothing."""
  from fsim.evidence import verification
  from fsim.evidence.verification import Finding

  verb = found.said.get("verb")
  if found.findings:
    why = Finding("--again", "not computed again, since not all holds", checked=False)
    return found._replace(findings=[*found.findings, why])
  if verb not in REPEATABLE:
    why = Finding("--again", f"this fsim cannot repeat the verb {verb!r}", checked=False)
    return found._replace(findings=[why])
  remarks = [f"made with {told}" for told in verification.environment_differences(found.said)]
  findings = verification.again(found.said, REPEATABLE[verb])
  return found._replace(findings=findings, remarks=[*found.remarks, *remarks])


def _compare(said: dict[str, Any], folder: Path) -> Any:
  from fsim.evidence import asking

  return asking.repeat(said, folder)


def _tell(chosen: argparse.Namespace, found: "Verification") -> None:
  for remark in found.remarks:
    console.note(remark)
  for finding in found.findings:
    console.say(str(finding))
  place, said = shown(chosen.case), found.said
  unchecked = sum(not finding.checked for finding in found.findings)
  if found.findings:
    console.say(f"{place}: {len(found.findings) - unchecked} do not hold, {unchecked} not checked")
    return
  counts = f"records: {said['head']['records']}, inputs: {len(said['inputs'])}, files: {len(said['outputs'])}"
  console.say(f"{place}: all holds ({counts}); head SHA-256 {said['head']['sha256']}; {_signature(chosen, said)}")
  if chosen.again:
    console.say(f"{place}: computed again, with the same result")


def _signature(chosen: argparse.Namespace, said: dict[str, Any]) -> str:
  if said["signature"] is None:
    return UNSIGNED
  return SIGNED if chosen.key else UNCHECKED


def _facts(chosen: argparse.Namespace, found: "Verification") -> dict[str, Any]:
  said = found.said
  return {
    "case": str(chosen.case),
    "holds": not found.findings,
    "head": said.get("head"),
    "signed": said.get("signature") is not None,
    "key_given": chosen.key is not None,
    "again": chosen.again,
    "findings": [finding._asdict() for finding in found.findings],
    "remarks": found.remarks,
  }
