"""The gcloud commands that run a configuration on a TPU pod slice: printed, or with --execute carried out.

python -m launch.tpu --zone=us-central2-b --kind=v4-32 --share=10.0.0.2:/runs [--name=fsim] [--steps create install]
    [--execute] -- --config=configs/device.py --workdir=/mnt/runs/device

Steps: `create` the slice; `install` this directory on every worker and mount the NFS share (a Filestore, say) on
/mnt/runs; `run` the same command on all workers, where JAX finds the others itself; `delete` the slice. The run folder
must be on the share, which all workers see. Not run on real TPUs yet: the tests hold the text of the commands only.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from fsim.boundary import console

MOUNT = "/mnt/runs"  # Where every worker sees the share.
STAYS = "a slice that was created stays, and costs, until --steps delete --execute"
STEPS = ("create", "install", "run", "delete")
TOOL = ("gcloud", "compute", "tpus", "tpu-vm")
INSTALL = (  # The machines' own Python is too old.
  "sudo apt-get update && sudo apt-get install --yes nfs-common python3.11-venv && python3.11 -m venv .venv "
  "&& .venv/bin/pip install ./fsim 'jax[tpu]'"
)


class Slice(NamedTuple):
  """A TPU pod slice: kind as Google names it (v4-32), image of its machines, NFS share (server:/path)."""

  name: str
  zone: str
  kind: str
  image: str
  share: str


def commands(tpu: Slice, run: Sequence[str]) -> dict[str, list[list[str]]]:
  """Step -> commands, with `run` as the arguments of `python -m fsim.main`."""
  where = [tpu.name, f"--zone={tpu.zone}"]
  mount = f"sudo mkdir --parents {MOUNT} && sudo mount {shlex.quote(tpu.share)} {MOUNT}"
  program = shlex.join(["../.venv/bin/python", "-m", "fsim.main", *run])
  return {
    "create": [[*TOOL, "create", *where, f"--accelerator-type={tpu.kind}", f"--version={tpu.image}"]],
    "install": [
      [*TOOL, "scp", "--recurse", "--worker=all", f"--zone={tpu.zone}", ".", f"{tpu.name}:fsim"],
      _everywhere(where, f"{INSTALL} && {mount}"),
    ],
    "run": [_everywhere(where, f"cd fsim && FSIM_CLUSTER=detect {program}")],
    "delete": [[*TOOL, "delete", *where, "--quiet"]],
  }


def _everywhere(where: list[str], command: str) -> list[str]:
  return [*TOOL, "ssh", *where, "--worker=all", f"--command={command}"]


def main(arguments: Sequence[str]) -> int:
  place = list(arguments).index("--") if "--" in arguments else len(arguments)
  own, run = arguments[:place], list(arguments[place + 1 :])
  parser = argparse.ArgumentParser(
    prog="python -m launch.tpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--name", default="fsim")
  parser.add_argument("--zone", required=True)
  parser.add_argument("--kind", required=True, help="type and size of the slice, v4-32 for example")
  parser.add_argument("--image", default="tpu-ubuntu2204-base")
  parser.add_argument("--share", required=True, metavar="SERVER:/PATH")
  parser.add_argument("--steps", nargs="+", choices=STEPS, default=STEPS)
  parser.add_argument("--execute", action="store_true", help="carry the commands out; by default they are printed")
  chosen = parser.parse_args(own)
  if not any(argument.startswith(f"--workdir={MOUNT}/") for argument in run):
    parser.error(f"`--` and the arguments of the run must follow, with a --workdir={MOUNT}/... that all workers share")
  every = commands(Slice(chosen.name, chosen.zone, chosen.kind, chosen.image, chosen.share), run)
  for step in STEPS:
    for command in every[step] if step in chosen.steps else []:
      print(shlex.join(command), flush=True)
      if chosen.execute and (code := carried_out(command)):
        console.note(
          f"{step} ended with exit code {code}; if there is a slice, it stays, and costs, until it is deleted"
        )
        return console.INCOMPLETE
  return console.ANSWERED


def carried_out(command: Sequence[str]) -> int:
  try:
    return subprocess.run(command, check=False).returncode
  except KeyboardInterrupt as error:
    error.add_note(STAYS)
    raise


if __name__ == "__main__":
  sys.exit(console.run(main, sys.argv[1:]))
