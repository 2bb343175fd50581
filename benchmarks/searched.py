"""What `fsim compare` says of photographs that were cut, turned or resized, of their own and of other devices.

  python -m benchmarks.searched ../shared/opencams/train VIRTUAL/similarity [--devices 8]

Of each folder so many devices, drawn by lot. Five references of each; one questioned photograph of its own and one of
two others, each cut to two thirds a side at an unknown place, turned by a quarter, and resized by .75, saved at quality
90. Nothing of it is learned: the calibration saw aligned photographs alone. Ratios are against another model, from
sensor noise.
"""

import argparse
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from benchmarks.calibrated_scores import labelled
from fsim import cpu
from fsim.boundary import progress
from fsim.data import jpeg
from fsim.evidence import comparison, scores, selecting, shipped
from fsim.evidence.selecting import Device
from fsim.metrics.scores import OTHER_MODEL
from fsim.virtual import postprocessing

REFERENCES, OTHERS = 5, 2
Change = Callable[[UInt8[np.ndarray, "h w 3"], np.random.Generator], UInt8[np.ndarray, "y x 3"]]


def cut(pixels: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "y x 3"]:
  height, width = (side * 2 // 3 for side in pixels.shape[:2])
  top, left = (int(rng.integers(1, whole - part)) for whole, part in zip(pixels.shape, (height, width), strict=False))
  return pixels[top : top + height, left : left + width]


CHANGES: dict[str, Change] = {
  "cut": cut,
  "turned": lambda pixels, rng: np.ascontiguousarray(np.rot90(pixels)),
  "resized": lambda pixels, rng: postprocessing.resize(0.75)(pixels),
}


class Task(NamedTuple):
  known: Device
  asked: Device
  change: str


def tasks(devices: dict[str, Device], most: int) -> Iterator[Task]:
  """Those of one device of references together."""
  able = sorted(name for name, own in devices.items() if len(own.references) >= REFERENCES - 1 and own.queries)
  chosen = np.random.default_rng(0).permutation(able)[:most].tolist()
  for k, name in enumerate(chosen):
    for other in dict.fromkeys(chosen[(k + step) % len(chosen)] for step in range(OTHERS + 1)):
      for change in CHANGES:
        yield Task(devices[name], devices[other], change)


def asked(task: Task) -> bytes:
  """The file that is asked about."""
  path = task.asked.queries[0].path
  rng = np.random.default_rng(zlib.crc32(f"{path.name} {task.change}".encode()))
  pixels = CHANGES[task.change](jpeg.decode(path.read_bytes()), rng)
  return postprocessing.compressed(np.ascontiguousarray(pixels), 90, "4:2:0")


def measured(folder: Path, most: int) -> pd.DataFrame:
  """A row a comparison; without a ratio where there was no statement."""
  calibration, rows, camera, known = shipped.chosen(None).calibration, [], None, None
  with tempfile.TemporaryDirectory() as place:
    for task in progress.bar(list(tasks(selecting.divided(labelled(folder, False)), most)), desc=folder.name):
      if task.known is not known:
        known, camera = task.known, scores.known([one.path for one in task.known.references[:REFERENCES]], trusted=True)
      file = Path(place, "asked.jpg")
      file.write_bytes(asked(task))
      ratio = comparison.compare(file, camera, calibration).ratios.get(OTHER_MODEL)
      rows.append((folder.name, task.change, task.known is task.asked, np.nan if ratio is None else ratio.log10))
  return pd.DataFrame(rows, columns=["set", "changed", "one device", "log10"])


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("folders", type=Path, nargs="+")
  parser.add_argument("--devices", type=int, default=8)
  chosen = parser.parse_args()
  cpu.keep_memory()
  found = pd.concat([measured(folder, chosen.devices) for folder in chosen.folders])
  told = found.groupby(["set", "changed", "one device"])["log10"]
  table = told.agg(
    comparisons="size",
    no_statement=lambda x: x.isna().sum(),
    above_1=lambda x: (x > 0).sum(),
    above_10=lambda x: (x > 1).sum(),
    above_100=lambda x: (x > 2).sum(),
    largest=lambda x: round(float(10 ** x.max()), 1),
  )
  print(table.to_string())


if __name__ == "__main__":
  main()
