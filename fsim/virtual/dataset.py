"""A preset on disk: made in parallel, resumable, in shards, the same bytes every time."""

import json
import os
from dataclasses import asdict, replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fsim.boundary import lock, outputs, progress
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.boundary.text import shown
from fsim.virtual import camera, in_parallel, lens, scene, sensor, shots
from fsim.virtual.adaptive_models import AdaptiveModel
from fsim.virtual.presets import PRESETS, Preset
from fsim.virtual.seeds import generator
from fsim.virtual.shots import Frame

OVERSAMPLING = 1.1  # Canvas pixels per pixel of the longest sensor at scale 1.
NOTE, TABLE = "preset.json", "metadata.csv"
OWN_BYTES = 1 << 26  # More than a note or a table of a preset has.
KEPT_BYTES = 400_000_000  # Of sensor patterns that a process keeps; further ones are made anew for every shot.

_patterns: dict[tuple, sensor.Maps] = {}


def make(preset: str, folder: Path, workers: int) -> None:
  """Writes a preset of PRESETS into a folder by that many processes, or goes on where an earlier call stopped.

  Files: <subset>/Brand_Model_Instance_Shot.JPG, preset.json, and when all is there metadata.csv.
  Raises UserError for an unknown preset, and where the folder holds anything else.
  """
  if preset not in PRESETS:
    raise UserError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
  write(PRESETS[preset], folder, workers, shard=(0, 1))


def is_complete(preset: str, folder: Path) -> bool:
  """Whether all files of a preset of PRESETS are there, as `make` would leave them."""
  chosen = PRESETS[preset]
  expected = {NOTE: _note(chosen), TABLE: _table(chosen)}
  named = all(_content(folder / name) == data for name, data in expected.items())
  return named and not any(_missing(folder, chosen, shots.frames(chosen)))


def write(preset: Preset, folder: Path, workers: int, shard: tuple[int, int]) -> None:
  """`make` for any preset; of n machines that share a folder or join their files, number i passes shard (i, n)."""
  index, count = shard
  if not 0 <= index < count:
    raise UserError(f"shard {index}/{count}: numbers run from 0 to {count - 1}")
  try:
    _claim(preset, folder)
    _write(preset, folder, workers, index, count)
  except OSError as error:
    raise UserError(f"{shown(folder)}: {error.strerror}") from error  # A full disk names no place.


def _write(preset: Preset, folder: Path, workers: int, index: int, count: int) -> None:
  everything = shots.frames(preset)
  mine = [list(group) for _, group in groupby(everything, shots.work)][index::count]
  total = sum(map(len, mine))
  missing = [_missing(folder, preset, group) for group in mine]
  left = sum(map(len, missing))
  tasks = [(preset, folder, group) for group in missing if group]
  with progress.bar(total=total, initial=total - left, unit="photo", desc="virtual cameras") as bar:
    for made in in_parallel.done(_write_all, tasks, workers):
      bar.update(made)
  if not _missing(folder, preset, everything):
    _settle(folder / TABLE, _table(preset))


def picture(preset: Preset, frame: Frame) -> bytes:
  """The bytes of a frame's file, a function of its arguments alone."""
  model, device = preset.models[frame.model], shots.device(preset, frame)
  shot, rng = _shot(preset, frame)
  height, width = camera.sensor_size(model, preset.side)
  if frame.subset == "dark":
    light = np.zeros((height, width), np.float32)
  else:
    light = camera.filtered(_canvas(preset, frame.scene), model, shot, preset.side)
  own = _pattern(model.sensor, preset.seed, device, height, width)
  if isinstance(model, AdaptiveModel):
    model = model.for_shot(generator(preset.seed, "adaptation", device, frame.shot))
  encoder = replace(model.encoder, step=model.encoder.step * frame.quality)
  label = camera.label(model, frame.instance, frame.shot, shot.view.turns, preset.seed)
  return camera.photograph(light, replace(model, encoder=encoder), own, shot, label, preset.side, rng)


def delivered(preset: Preset, frame: Frame) -> Float[np.ndarray, "y x"]:
  """The true PRNU factor of every pixel of a frame's file; see `camera.delivered`."""
  model, device = preset.models[frame.model], shots.device(preset, frame)
  own = _pattern(model.sensor, preset.seed, device, *camera.sensor_size(model, preset.side))
  return camera.delivered(own.gain, model, _shot(preset, frame)[0], preset.side)


def _shot(preset: Preset, frame: Frame) -> tuple[camera.Shot, np.random.Generator]:
  """The shot's settings, and the generator of its noise."""
  rng = generator(preset.seed, "shot", shots.device(preset, frame), frame.shot)
  shot = camera.draw(rng, preset.zoomed)
  if frame.subset in ("flat-field", "dark"):
    shot = camera.calibrating(shot, seconds=4.0 if frame.subset == "dark" else 0.02)
  return shot, rng


@lru_cache(maxsize=2)
def _canvas(preset: Preset, number: int) -> Float[np.ndarray, "3 n n"]:
  longest = max(max(camera.sensor_size(model, preset.side)) for model in preset.models)
  n = int(longest * OVERSAMPLING / lens.FRAME)
  if number == shots.NO_SCENE:  # A lit screen, slightly brighter at one side.
    return np.broadcast_to(np.linspace(0.97, 1.03, n, dtype=np.float32), (3, n, n)).copy()
  return scene.render(preset.seed, *shots.place(number), n)


def _pattern(kind: sensor.Sensor, seed: int, device: str, height: int, width: int) -> sensor.Maps:
  key = (kind, seed, device, height, width)
  if key in _patterns:
    return _patterns[key]
  made = sensor.maps(*key)
  if sum(part.nbytes for maps in (made, *_patterns.values()) for part in maps) <= KEPT_BYTES:
    _patterns[key] = made
  return made


def _write_all(preset: Preset, folder: Path, group: list[Frame]) -> int:
  for number, frame in enumerate(group):
    if in_parallel.is_over():
      return number
    outputs.replace(folder / shots.path(preset, frame), picture(preset, frame))
  return len(group)


def _missing(folder: Path, preset: Preset, group: list[Frame]) -> list[Frame]:
  return [frame for frame in group if not (folder / shots.path(preset, frame)).exists()]


def _claim(preset: Preset, folder: Path) -> None:
  """Notes in the folder what it is to hold; raises UserError, before anything is made, for one that holds more."""
  outputs.Folder(folder)
  note = _content(folder / NOTE)
  if note is not None and note != _note(preset):
    raise UserError(f"{shown(folder)} holds virtual cameras of other settings; give another folder or remove it")
  frames = shots.frames(preset)
  own = {name for name, _ in outputs.written(folder)} | {NOTE, lock.NAME}
  if _content(folder / TABLE) in (None, _table(preset)):  # Nobody else's.
    own.add(TABLE)
  own |= {shots.path(preset, frame).as_posix() for frame in frames}
  for name in _files(folder):
    if name not in own:
      raise UserError(f"{shown(folder / name)}: not a file of these virtual cameras; give another folder")
  for subset in sorted({frame.subset for frame in frames}):
    (folder / subset).mkdir(exist_ok=True)
  _settle(folder / NOTE, _note(preset))


def _files(folder: Path) -> list[str]:
  """Everything but hidden files, which systems and killed writers leave, relative to the folder."""
  found = [Path(parent, name).relative_to(folder).as_posix() for parent, _, names in os.walk(folder) for name in names]
  return sorted(name for name in found if not any(part.startswith(".") for part in Path(name).parts))


def _note(preset: Preset) -> bytes:
  return json.dumps(asdict(preset), indent=1).encode()


def _table(preset: Preset) -> bytes:
  return shots.table(preset).encode()


def _content(path: Path) -> bytes | None:
  """None if there is no such file; b"" for what is none, or is larger than any of ours."""
  if not os.path.lexists(path):
    return None
  try:
    return read_bytes(path, OWN_BYTES)
  except Unreadable:
    return b""


def _settle(target: Path, data: bytes) -> None:
  """Writes what is not there yet: a folder whose files were touched would be stored anew (see dresden/listing.py)."""
  if _content(target) != data:
    outputs.replace(target, data)
