"""Folders of photographs of known cameras, with scenes: textures that are easy to tell apart."""

from pathlib import Path

from PIL import Image

from tests import jpegs
from tests.fitted_similarity import texture


def made(folder: Path, kinds: dict[str, str], scenes: int, images: int, side: int = 216) -> Path:
  """Dresden's names and a table; `kinds` has the texture of each device (Brand_Model_Instance), see `texture`."""
  folder.mkdir(parents=True)
  rows = ["filename,position_num,motive_num"]
  for place, (device, kind) in enumerate(kinds.items()):
    for shot in range(scenes * images):
      name = f"{device}_{shot}.JPG"
      pixels = texture(kind, side, side, seed=100 * place + shot)
      (folder / name).write_bytes(jpegs.encode(Image.fromarray(pixels), quality=98, subsampling=0))
      rows.append(f"{name},{place + 1},{shot // images + 1}")
  (folder / "table.csv").write_text("\n".join(rows))
  return folder
