"""A preset on disk: files named as Dresden's and their metadata, made in parallel, resumable, the same bytes every time."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from fsim.data.virtual import camera, lens, scene, sensor
from fsim.data.virtual.presets import PRESETS, Preset
from fsim.data.virtual.seeds import generator

COLUMNS = "filename,brand,model,instance,shot,position_num,position_name,motive_num,motive_name,url,subset"
OVERSAMPLING = 1.1  # Canvas pixels per pixel of the longest sensor at scale 1.
KEPT = 48  # Sensor patterns that a process keeps.


@dataclass(frozen=True)
class Frame:
  """One file of a preset: device `instance` of the preset's model `model`, its shot's number, and what it shows."""

  subset: str
  scene: int
  model: int
  instance: int
  shot: int


def make(preset: str, folder: Path, workers: int) -> None:
  """Writes a preset of PRESETS into a folder by that many processes, or goes on where an earlier call stopped.

  Files: <subset>/Brand_Model_Instance_Shot.JPG, preset.json, and last metadata.csv.
  Raises ValueError for an unknown preset, and where the folder holds another one.
  """
  if preset not in PRESETS:
    raise ValueError(f"unknown preset {preset!r}; there are {', '.join(PRESETS)}")
  write(PRESETS[preset], folder, workers)


def write(preset: Preset, folder: Path, workers: int) -> None:
  """`make` for a preset of one's own."""
  _claim(preset, folder)
  everything = frames(preset)
  missing = [frame for frame in everything if not (folder / path(preset, frame)).exists()]
  tasks = [(preset, folder, list(group)) for _, group in groupby(missing, _task)]
  with tqdm(total=len(everything), initial=len(everything) - len(missing), unit="photo", desc="virtual cameras") as bar:
    for made in _done(tasks, workers):
      bar.update(made)
  lines = [COLUMNS, *(row(preset, frame) for frame in everything)]
  _replace(folder / "metadata.csv", ("\n".join(lines) + "\n").encode())


def frames(preset: Preset) -> list[Frame]:
  """All files of a preset, those of one scene together."""
  devices = [(model, instance) for model, count in enumerate(preset.devices) for instance in range(count)]
  natural = [Frame("natural", s, model, instance, s + 1) for s in range(preset.scenes) for model, instance in devices]
  flat = [
    Frame("flat-field", -1, model, instance, preset.scenes + k + 1)
    for model, instance in devices
    for k in range(preset.flat_fields)
  ]
  return natural + flat


def path(preset: Preset, frame: Frame) -> Path:
  """Where a frame lies in its folder."""
  model = preset.models[frame.model]
  return Path(frame.subset) / f"{model.make}_{model.name}_{frame.instance}_{frame.shot}.JPG"


def row(preset: Preset, frame: Frame) -> str:
  """A frame's line of metadata.csv."""
  model = preset.models[frame.model]
  position, motive = place(frame.scene)
  where = f"{position},position {position},{motive},motive {motive}" if frame.scene >= 0 else ",,,"
  name = path(preset, frame).name
  return f"{name},{model.make},{model.name},{frame.instance},{frame.shot},{where},,{frame.subset}"


def place(number: int) -> tuple[int, int]:
  """Position and motive of a scene."""
  return number // 2 + 1, number % 2 + 1


def picture(preset: Preset, frame: Frame) -> bytes:
  """The bytes of a frame's file."""
  model = preset.models[frame.model]
  device = f"{model.make}_{model.name}_{frame.instance}"
  rng = generator(preset.seed, "shot", device, frame.shot)
  shot = camera.draw(rng)
  if frame.subset == "flat-field":
    shot = replace(shot, iso=1.0, stops=1.3, view=replace(shot.view, turns=0), look=replace(shot.look, lift=0.0))
  canvas = _canvas(preset, frame.scene)
  light = camera.filtered(canvas, model, shot, preset.side)
  own = _maps(model.sensor, preset.seed, device, *light.shape)
  label = camera.label(model, frame.instance, frame.shot, shot.view.turns, preset.seed)
  return camera.photograph(light, model, own, shot, label, preset.side, rng)


@lru_cache(maxsize=2)
def _canvas(preset: Preset, number: int) -> Float[np.ndarray, "3 n n"]:
  longest = max(max(camera.sensor_size(model, preset.side)) for model in preset.models)
  n = int(longest * OVERSAMPLING / lens.FRAME)
  if number < 0:
    return np.broadcast_to(np.linspace(0.97, 1.03, n, dtype=np.float32), (3, n, n)).copy()
  return scene.render(preset.seed, *place(number), n)


_maps = lru_cache(maxsize=KEPT)(sensor.maps)


def _task(frame: Frame) -> tuple:
  return (frame.subset, frame.scene, *(() if frame.scene >= 0 else (frame.model, frame.instance)))


def _write_all(preset: Preset, folder: Path, group: list[Frame]) -> int:
  for frame in group:
    _replace(folder / path(preset, frame), picture(preset, frame))
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
  for subset in ("natural", "flat-field"):
    (folder / subset).mkdir(parents=True, exist_ok=True)
  wanted = json.dumps(asdict(preset), indent=1)
  note = folder / "preset.json"
  if note.exists() and note.read_text() != wanted:
    raise ValueError(f"{folder} holds virtual cameras of other settings; give another folder or remove it")
  _replace(note, wanted.encode())


def _replace(target: Path, data: bytes) -> None:
  part = target.with_name(target.name + ".part")
  part.write_bytes(data)
  os.replace(part, target)
