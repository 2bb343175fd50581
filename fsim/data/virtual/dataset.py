"""A preset on disk: made in parallel, resumable, in shards, the same bytes every time."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from functools import lru_cache
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.data.virtual import camera, lens, plan, scene, sensor
from fsim.data.virtual.plan import Frame
from fsim.data.virtual.presets import PRESETS, Preset
from fsim.data.virtual.seeds import generator

OVERSAMPLING = 1.1  # Canvas pixels per pixel of the longest sensor at scale 1.
KEPT_BYTES = 400_000_000  # Of sensor patterns that a process keeps; further ones are made anew for every shot.

_patterns: dict[tuple, sensor.Maps] = {}


def make(preset: str, folder: Path, workers: int) -> None:
  """Writes a preset of PRESETS into a folder by that many processes, or goes on where an earlier call stopped.

  Files: <subset>/Brand_Model_Instance_Shot.JPG, preset.json, and when all is there metadata.csv.
  Raises UserError for an unknown preset, and where the folder holds another one.
  """
  if preset not in PRESETS:
    raise ValueError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
  write(PRESETS[preset], folder, workers, shard=(0, 1))


def write(preset: Preset, folder: Path, workers: int, shard: tuple[int, int]) -> None:
  """`make` for any preset; of n machines that share a folder or join their files, number i passes shard (i, n)."""
  index, count = shard
  if not 0 <= index < count:
    raise ValueError(f"shard {index}/{count}: numbers run from 0 to {count - 1}")
  _claim(preset, folder)
  everything = plan.frames(preset)
  mine = [list(group) for _, group in groupby(everything, plan.work)][index::count]
  total = sum(map(len, mine))
  missing = [[frame for frame in group if not (folder / plan.path(preset, frame)).exists()] for group in mine]
  left = sum(map(len, missing))
  with progress.bar(total=total, initial=total - left, unit="photo", desc="virtual cameras") as bar:
    for made in _done([(preset, folder, group) for group in missing if group], workers):
      bar.update(made)
  if all((folder / plan.path(preset, frame)).exists() for frame in everything):
    _settle(folder / "metadata.csv", plan.table(preset).encode())


def picture(preset: Preset, frame: Frame) -> bytes:
  """The bytes of a frame's file, a function of its arguments alone."""
  model = preset.models[frame.model]
  device = plan.device(preset, frame)
  rng = generator(preset.seed, "shot", device, frame.shot)
  shot = camera.draw(rng, preset.zoomed)
  if frame.subset in ("flat-field", "dark"):
    shot = camera.calibrating(shot, seconds=4.0 if frame.subset == "dark" else 0.02)
  height, width = camera.sensor_size(model, preset.side)
  if frame.subset == "dark":
    light = np.zeros((height, width), np.float32)
  else:
    light = camera.filtered(_canvas(preset, frame.scene), model, shot, preset.side)
  own = _pattern(model.sensor, preset.seed, device, height, width)
  encoder = replace(model.encoder, step=model.encoder.step * frame.quality)
  label = camera.label(model, frame.instance, frame.shot, shot.view.turns, preset.seed)
  return camera.photograph(light, replace(model, encoder=encoder), own, shot, label, preset.side, rng)


@lru_cache(maxsize=2)
def _canvas(preset: Preset, number: int) -> Float[np.ndarray, "3 n n"]:
  longest = max(max(camera.sensor_size(model, preset.side)) for model in preset.models)
  n = int(longest * OVERSAMPLING / lens.FRAME)
  if number == plan.NO_SCENE:  # A lit screen, slightly brighter at one side.
    return np.broadcast_to(np.linspace(0.97, 1.03, n, dtype=np.float32), (3, n, n)).copy()
  return scene.render(preset.seed, *plan.place(number), n)


def _pattern(kind: sensor.Sensor, seed: int, device: str, height: int, width: int) -> sensor.Maps:
  key = (kind, seed, device, height, width)
  if key in _patterns:
    return _patterns[key]
  made = sensor.maps(*key)
  if sum(part.nbytes for maps in (made, *_patterns.values()) for part in maps) <= KEPT_BYTES:
    _patterns[key] = made
  return made


def _write_all(preset: Preset, folder: Path, group: list[Frame]) -> int:
  for frame in group:
    _replace(folder / plan.path(preset, frame), picture(preset, frame))
  return len(group)


def _done(tasks: list[tuple[Preset, Path, list[Frame]]], workers: int) -> Iterator[int]:
  """Carries the tasks out and yields how many files each has made."""
  if workers == 1:
    for task in tasks:
      yield _write_all(*task)
    return
  with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
    try:
      for future in as_completed([pool.submit(_write_all, *task) for task in tasks]):
        yield future.result()
    except BaseException:
      pool.shutdown(wait=False, cancel_futures=True)
      raise


def _claim(preset: Preset, folder: Path) -> None:
  """Notes in the folder what it is to hold; refuses a folder that holds something else."""
  for subset in sorted({frame.subset for frame in plan.frames(preset)}):
    (folder / subset).mkdir(parents=True, exist_ok=True)
  wanted = json.dumps(asdict(preset), indent=1)
  note = folder / "preset.json"
  if note.exists() and note.read_text() != wanted:
    raise UserError(f"{folder} holds virtual cameras of other settings; give another folder or remove it")
  _settle(note, wanted.encode())


def _settle(target: Path, data: bytes) -> None:
  """Writes what is not there yet: a folder whose files were touched would be stored anew (see dresden/listing.py)."""
  if not target.exists() or target.read_bytes() != data:
    _replace(target, data)


def _replace(target: Path, data: bytes) -> None:
  part = target.with_name(f"{target.name}.{os.getpid()}.part")
  part.write_bytes(data)
  os.replace(part, target)
