"""Speed of the virtual cameras: by stage on one core, and from scene to JPEG file on all.

python -m benchmarks.simulate [--preset=virtual/default] [--workers=2]
"""

import argparse
import dataclasses
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fsim import virtual
from fsim.virtual import camera, dataset, demosaic, jpeg_encoder, lens, pipeline, scene, sensor, shots
from fsim.virtual.presets import Preset
from fsim.virtual.seeds import generator

REPEATS = 5


def stages(preset: Preset, model: camera.Model) -> Iterator[tuple[str, Callable[[], object]]]:
  """Every stage of one shot, ready to be called again and again."""
  rng = generator(0, "benchmark")
  shot = camera.draw(rng, 0.0)
  height, width = camera.sensor_size(model, preset.side)
  n = int(max(height, width) * dataset.OVERSAMPLING / lens.FRAME)
  canvas = scene.render(0, 1, 1, n)
  kinds = len(scene.KINDS)
  yield f"scene ({kinds} kinds, shared by all devices)", lambda: [scene.render(0, k, 1, n) for k in range(kinds)]
  yield "sensor pattern (once a device)", lambda: sensor.maps(model.sensor, 0, "d", height, width)
  yield (
    "lens",
    lambda: lens.project(canvas, model.lens, shot.view, height, width, shot.defocus, shot.aperture),
  )
  yield "lens, exposure, filters", lambda: camera.filtered(canvas, model, shot, preset.side)
  light = camera.filtered(canvas, model, shot, preset.side)
  own = sensor.maps(model.sensor, 0, "d", height, width)
  yield "sensor", lambda: sensor.expose(light, model.sensor, own, shot.iso, shot.seconds, rng)
  numbers = sensor.expose(light, model.sensor, own, shot.iso, shot.seconds, rng)
  yield "black level, hot pixels", lambda: sensor.linear(numbers, model.sensor, model.pipeline.mends)
  raw = sensor.linear(numbers, model.sensor, model.pipeline.mends)
  yield (
    f"demosaicing ({model.pipeline.method})",
    lambda: demosaic.demosaic(raw, model.sensor.bayer, model.pipeline.method),
  )
  arguments = (model.sensor.bayer, camera.expected_noise(model, shot.iso), shot.iso, camera.size(model, preset.side))
  yield "whole pipeline", lambda: pipeline.develop(raw, model.pipeline, shot.look, *arguments)
  pixels = pipeline.develop(raw, model.pipeline, shot.look, *arguments)
  label = camera.label(model, 0, 1, 0, 0)
  yield "JPEG", lambda: jpeg_encoder.encode(pixels, model.encoder, label)


def seconds(call: Callable[[], object]) -> float:
  """Best of several."""
  call()
  best = np.inf
  for _ in range(REPEATS):
    start = time.perf_counter()
    call()
    best = min(best, time.perf_counter() - start)
  return best


def by_stage(preset: Preset) -> None:
  print(f"{'stage':45s}" + "".join(f"{model.make:>9s}" for model in preset.models) + "   ns a pixel of the file")
  for stage in zip(*(stages(preset, model) for model in preset.models), strict=True):
    areas = [np.prod(camera.size(model, preset.side)) for model in preset.models]
    times = [seconds(call) / area * 1e9 for (_, call), area in zip(stage, areas, strict=True)]
    name = stage[0][0].split(" (")[0] if stage[0][0].startswith("demosaicing") else stage[0][0]
    print(f"{name:45s}" + "".join(f"{t:9.0f}" for t in times))


def end_to_end(preset: Preset, workers: int) -> None:
  with tempfile.TemporaryDirectory() as folder:
    start = time.perf_counter()
    virtual.write(preset, Path(folder), workers, (0, 1))
    spent = time.perf_counter() - start
  pixels = sum(np.prod(camera.size(preset.models[frame.model], preset.side)) for frame in shots.frames(preset))
  child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
  own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
  print(f"{pixels / 1e6:.0f} megapixels in {spent:.1f} s by {workers} processes: {pixels / 1e6 / spent:.1f} MP/s")
  print(f"memory: {workers} x {child:.2f} GiB (largest process), and {own:.2f} GiB of the one that waits")


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--preset", default="virtual/default", choices=list(virtual.PRESETS))
  parser.add_argument("--workers", type=int, default=2)
  parser.add_argument("--size", type=int)
  chosen = parser.parse_args()
  preset = virtual.PRESETS[chosen.preset]
  if chosen.size:
    preset = dataclasses.replace(preset, side=chosen.size)
  by_stage(dataclasses.replace(preset, models=preset.models[:6]))
  end_to_end(preset, chosen.workers)


if __name__ == "__main__":
  main()
