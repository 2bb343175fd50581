"""Merges fingerprints of one camera into one, as if it had been made from all their images.

fsim merge A.npz B.npz --out=both.npz
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import console, waking
from fsim.commands import options


def main(arguments: Sequence[str]) -> int:
  chosen = parser().parse_args(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.commands.work import fingerprint
  cpu.keep_memory()
  return fingerprint.merge(chosen)


def parser() -> argparse.ArgumentParser:
  merged = options.parser("merge", __doc__)
  told = "fingerprints that `fsim fingerprint` made"
  merged.add_argument("fingerprints", type=console.path, nargs="+", metavar="NPZ", help=told)
  options.add_out(merged, "the file to write", "NPZ")
  options.add_trusted(merged)
  options.add_json(merged)
  return merged
