"""Which files a preset consists of, how they are called, and their lines of Dresden's metadata."""

from dataclasses import dataclass
from pathlib import Path

from fsim.virtual.presets import Preset

COLUMNS = "filename,brand,model,instance,shot,position_num,position_name,motive_num,motive_name,url,subset"
QUALITIES = (0.6, 1.0, 2.2)  # The JPEG study's settings fine, normal, basic: factors on the quantisation steps.
NO_SCENE = -1


@dataclass(frozen=True)
class Frame:
  """One file: device `instance` of the preset's model number `model`, what it shows, and its JPEG setting.

  `quality` is a factor on the model's quantisation steps.
  """

  subset: str
  scene: int
  model: int
  instance: int
  shot: int
  quality: float


def frames(preset: Preset) -> list[Frame]:
  """All files of a preset, those of one scene together; a device's shots are numbered from 1 over all subsets."""
  devices = [(model, instance) for model, count in enumerate(preset.devices) for instance in range(count)]
  scenes = range(preset.scenes)
  natural = [
    Frame("natural", scene, *device, 1 + scene * preset.repeats + k, 1.0)
    for scene in scenes
    for device in devices
    for k in range(preset.repeats)
  ]
  first = 1 + preset.scenes * preset.repeats
  study = [
    Frame("jpeg", scene, *device, first + scene * len(QUALITIES) + k, quality)
    for scene in scenes[: preset.studied]
    for device in devices
    for k, quality in enumerate(QUALITIES)
  ]
  first += preset.studied * len(QUALITIES)
  flat = [
    Frame("flat-field", NO_SCENE, *device, first + k, 1.0) for device in devices for k in range(preset.flat_fields)
  ]
  first += preset.flat_fields
  dark = [Frame("dark", NO_SCENE, *device, first + k, 1.0) for device in devices for k in range(preset.darks)]
  return natural + study + flat + dark


def work(frame: Frame) -> tuple[str, int, int, int]:
  """Key of the piece of work that a frame belongs to: a scene, or a device's frames without one."""
  has_scene = frame.scene != NO_SCENE
  return frame.subset, frame.scene, *((-1, -1) if has_scene else (frame.model, frame.instance))


def place(scene: int) -> tuple[int, int]:
  """Position and motive of a scene: two motives a position, as at Dresden."""
  return scene // 2 + 1, scene % 2 + 1


def device(preset: Preset, frame: Frame) -> str:
  """Name of the device, Brand_Model_Instance."""
  model = preset.models[frame.model]
  return f"{model.make}_{model.name}_{frame.instance}"


def path(preset: Preset, frame: Frame) -> Path:
  """Where a frame lies in the preset's folder."""
  return Path(frame.subset) / f"{device(preset, frame)}_{frame.shot}.JPG"


def table(preset: Preset) -> str:
  """metadata.csv."""
  lines = [COLUMNS]
  for frame in frames(preset):
    model = preset.models[frame.model]
    position, motive = place(frame.scene)
    where = ",,," if frame.scene == NO_SCENE else f"{position},position {position},{motive},motive {motive}"
    name = path(preset, frame).name
    lines.append(f"{name},{model.make},{model.name},{frame.instance},{frame.shot},{where},,{frame.subset}")
  return "\n".join(lines) + "\n"
