"""What `fsim simulate` does."""

import argparse
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from PIL import ExifTags, Image, ImageOps

from fsim import virtual
from fsim.boundary import console, outputs, spreadsheet
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import photographs
from fsim.virtual import shots
from fsim.virtual.presets import PRESETS, Preset

THUMBNAIL = 160  # Pixels of a contact sheet's squares.
MAX_SCENES = 8  # Scenes on a contact sheet.
SHEET, CAMERAS = "contact.png", "cameras.csv"
# What makes a picture upright, by the number that EXIF has for the camera's turn.
UPRIGHT = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}


def parameters(preset: Preset) -> pd.DataFrame:
  """The cameras' settings: one row a model, columns named stage.setting."""
  rows = []
  for model, count in zip(preset.models, preset.devices, strict=True):
    row = {"make": model.make, "model": model.name, "devices": count, "aspect": model.aspect, "upright": model.upright}
    stages = [stage for stage in ("lens", "sensor", "pipeline", "encoder", "adaptation") if hasattr(model, stage)]
    for stage in stages:
      settings = dataclasses.asdict(getattr(model, stage))
      row |= {f"{stage}.{name}": value for name, value in settings.items()}
    rows.append(row)
  return pd.DataFrame(rows)


def described(table: pd.DataFrame) -> str:
  """The table for a terminal: settings down, models across, a few models at a time."""
  turned = table.set_index(table.make + " " + table.model).drop(columns=["make", "model"]).T
  blocks = [turned.iloc[:, k : k + 5].to_string() for k in range(0, turned.shape[1], 5)]
  return "\n\n".join(blocks)


def contact_sheet(preset: Preset, folder: Path) -> UInt8[np.ndarray, "h w 3"]:
  """Thumbnails of what is there: a row a model (its first device), a column a scene, upright as EXIF says.

  Raises UserError for a damaged file.
  """
  scenes = sorted({round(k) for k in np.linspace(0, preset.scenes - 1, MAX_SCENES)})
  sheet = np.full((len(preset.models) * THUMBNAIL, len(scenes) * THUMBNAIL, 3), 255, np.uint8)
  for frame in shots.frames(preset):
    file = folder / shots.path(preset, frame)
    if frame.subset != "natural" or frame.instance or frame.scene not in scenes or not file.exists():
      continue
    thumbnail = ImageOps.contain(_upright(file), (THUMBNAIL, THUMBNAIL))
    top, left = frame.model * THUMBNAIL, scenes.index(frame.scene) * THUMBNAIL
    sheet[top : top + thumbnail.height, left : left + thumbnail.width] = np.asarray(thumbnail)
  return sheet


def _upright(file: Path) -> Image.Image:
  photograph = photographs.read(file)
  if photograph.problem:
    raise UserError(f"{shown(file)}: {photograph.problem}; remove it, and the same command makes it anew")
  tags = Image.Exif()
  tags.load(photograph.exif)
  image, turn = Image.fromarray(photograph.pixels), UPRIGHT.get(tags.get(ExifTags.Base.Orientation))
  return image if turn is None else image.transpose(turn)


def simulate(chosen: argparse.Namespace) -> int:
  preset = PRESETS[chosen.preset]
  if chosen.size is not None:
    preset = dataclasses.replace(preset, side=chosen.size)
  if chosen.parameters:
    table = parameters(preset)
    console.say(console.to_json(json.loads(table.to_json(orient="records"))) if chosen.json else described(table))
    return console.ANSWERED
  make(preset, chosen.out, chosen.workers, chosen.shard)
  if chosen.json:
    places = {"out": chosen.out, "contact_sheet": chosen.out / SHEET, "cameras": chosen.out / CAMERAS}
    console.say(console.to_json({name: str(place) for name, place in places.items()}))
  return console.ANSWERED


def make(preset: Preset, place: Path, workers: int, shard: tuple[int, int]) -> None:
  """Writes the preset's photographs, a contact sheet and the cameras' settings. Raises UserError if they cannot be."""
  out = outputs.Folder(place)
  out.claim(SHEET, CAMERAS)
  with console.resumable():
    virtual.write(preset, place, workers, shard)
    sheet = io.BytesIO()
    Image.fromarray(contact_sheet(preset, place)).save(sheet, "PNG")
    out.write(SHEET, sheet.getvalue())
    out.write(CAMERAS, spreadsheet.csv(parameters(preset)))
