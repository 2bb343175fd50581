"""Photographs of forty virtual models that the weights that came with fsim never learned, for the calibration.

  python -m benchmarks.unlearned_cameras OUT

Every sixth model of virtual/nearer, one device each, by as many scenes as references and questioned photographs need.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

from fsim.evidence.selecting import GROUP
from fsim.virtual import PRESETS, write

FIRST, STEP, SCENES = 4, 6, 12  # With the largest sensor among them, for which the scenes are drawn.


def main() -> None:
  nearer = PRESETS["virtual/nearer"]
  models = nearer.models[FIRST::STEP][:GROUP]
  preset = replace(nearer, models=models, devices=(1,) * len(models), scenes=SCENES)
  write(preset, Path(sys.argv[1]), workers=os.cpu_count() or 1, shard=(0, 1))


if __name__ == "__main__":
  main()
