"""How well fsim.prnu tells cameras apart: on real photographs device by device, on virtual ones against what is hard.

  python -m benchmarks.prnu_accuracy --real=../shared/realcams [--noise=learned]
  python -m benchmarks.prnu_accuracy --virtual=DIR [--figures=docs/figures]

DIR is filled first if it is empty: virtual/default at 1024 pixels, with the PRNU as it is and at other strengths.
Fingerprints come from flat fields where a device has at least as many as natural photographs, else from the first half
of its photographs, at most 20; queries are up to 20 of the rest. Crops are aligned and match at k = 1.
"""

import argparse
import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8
from PIL import Image
from tqdm import tqdm

from fsim import virtual
from fsim.boundary.errors import UserError
from fsim.data import exif, jpeg
from fsim.metrics import rates
from fsim.prnu import fingerprints, matching, membership, probe
from fsim.prnu.residuals import residuals
from fsim.prnu.settings import DEFAULT, LEARNED, Settings
from fsim.prnu.transforms import Transform

SETTINGS = {settings.noise: settings for settings in (DEFAULT, LEARNED)}
ALPHA = 1e-4
REFERENCES, QUERIES = 20, 20
SIDES = (64, 128, 256, 512, 640)
STRENGTHS = (0.25, 0.5, 1.0, 2.0)  # Factors on the PRNU of the cameras as they come.


class Photo(NamedTuple):
  device: str
  model: str
  subset: str
  shot: int
  pixels: UInt8[np.ndarray, "h w 3"]


def photographs(folder: Path, side: int | None) -> list[Photo]:
  """All of a Dresden-like folder in landscape format; their centre, if a side is given, on the JPEG grid."""
  table = pd.read_csv(next(p for p in sorted(folder.glob("*.csv")) if p.name != "cameras.csv"))
  found = []
  for row in tqdm(table.itertuples(), total=len(table), desc=folder.name):
    pixels = jpeg.decode((folder / row.subset / row.filename).read_bytes())
    if pixels.shape[0] <= pixels.shape[1]:
      model = f"{row.brand}_{row.model}"
      kept = pixels if side is None else centre(pixels, side)
      found.append(Photo(f"{model}_{row.instance}", model, row.subset, int(row.shot), kept))
  return sorted(found, key=lambda photo: (photo.device, photo.shot))


def centre(pixels: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "s s 3"]:
  top, left = ((n - side) // 2 // 8 * 8 for n in pixels.shape[:2])
  return pixels[top : top + side, left : left + side]


class Parts(NamedTuple):
  """Photographs for each device's fingerprint, and queries."""

  references: dict[str, list[Photo]]
  queries: list[Photo]


def divide(photos: list[Photo]) -> Parts:
  parts = Parts({}, [])
  for device in sorted({photo.device for photo in photos}):
    own = [photo for photo in photos if photo.device == device]
    flat, natural = ([p for p in own if p.subset == s] for s in ("flat-field", "natural"))
    used = 0 if len(flat) >= len(natural) else min(len(natural) // 2, REFERENCES)
    parts.references[device] = natural[:used] if used else flat[:REFERENCES]
    parts.queries.extend(natural[used:][:QUERIES])
  return parts


def prints(references: dict[str, list[Photo]], settings: Settings = DEFAULT) -> Float[np.ndarray, "d h w"]:
  made = []
  for device, photos in references.items():
    sums = fingerprints.nothing(photos[0].pixels.shape[:2])
    for photo in photos:
      sums = fingerprints.add(sums, photo.pixels, settings)
    made.append(fingerprints.estimate(sums, device, ("",), settings).pattern())
  return np.stack(made)


def patterns(photos: list[Photo], extract: Callable, settings: Settings = DEFAULT) -> Float[np.ndarray, "n h w"]:
  made = [np.asarray(extract(photo.pixels[None], settings)) for photo in tqdm(photos, desc="patterns")]
  return np.concatenate(made)


def scores(parts: Parts, settings: Settings = DEFAULT) -> pd.DataFrame:
  """One row a query and fingerprint."""
  queries = patterns(parts.queries, probe.against_fingerprint, settings)
  pce = matching.aligned_pce(queries, prints(parts.references, settings))
  model = {photo.device: photo.model for photo in parts.queries}
  rows = [
    (photo.device, photo.model, device, model[device], photo.shot, pce[k, d])
    for k, photo in enumerate(parts.queries)
    for d, device in enumerate(parts.references)
  ]
  return pd.DataFrame(rows, columns=["device", "model", "candidate", "candidate_model", "shot", "pce"])


def summary(same: np.ndarray, score: np.ndarray) -> dict[str, float]:
  return rates.summary(rates.roc(same, score, np.ones(len(score))))


def described(table: pd.DataFrame) -> dict[str, float]:
  """AUC of all comparisons and of those within a model; shares above the threshold for ALPHA."""
  same = (table["device"] == table["candidate"]).to_numpy()
  within = (table["model"] == table["candidate_model"]).to_numpy()
  pce, limit = table["pce"].to_numpy(), matching.threshold(ALPHA, 1)
  line = summary(same, pce)
  siblings = (within & ~same).any()
  return {
    "AUC": line["auc"],
    "AUC, same model": summary(same[within], pce[within])["auc"] if siblings else np.nan,
    "TPR at FPR 1e-3": line["tpr_at_1e-3"],
    "found": (pce[same] >= limit).mean(),
    "false": int((pce[~same] >= limit).sum()),
    "own above 60": (pce[same] > 60).mean(),
    "largest other": pce[~same].max(),
  }


def real(folder: Path, settings: Settings) -> None:
  photos = photographs(folder, None)
  parts = divide(photos)
  table = scores(parts, settings)
  limit = matching.threshold(ALPHA, 1)
  lines = []
  for device, own in table.groupby("device"):
    same, other = own[own.candidate == device].pce, table[(table.candidate == device) & (table.device != device)].pce
    shares = [round(float((same >= level).mean()), 3) for level in (limit, 60)]
    lines.append(
      (device, len(parts.references[device]), len(same), round(same.median(), 1), *shares, round(other.max(), 1))
    )
  heads = ["device", "references", "queries", "median PCE", f"above {limit:.1f}", "above 60", "largest of others"]
  print(pd.DataFrame(lines, columns=heads).to_string(index=False))
  able = linked(parts.references)
  told = table[table.device.isin(able) & table.candidate.isin(able)]
  print(f"\n{len(able)} of {len(parts.references)} devices whose references are linked: {described(told)}")
  print(f"against fingerprints: {described(table)}")
  print(f"without the Nikon D3200: {described(table[~(table.device + table.candidate).str.contains('D3200')])}")
  pairs(parts.queries, settings)
  scales(parts, settings)


def linked(references: dict[str, list[Photo]]) -> list[str]:
  """Devices of whose references `fsim fingerprint` would make a fingerprint: their files hold enough sensor noise."""
  able = []
  for device, photos in references.items():
    side = membership.side_for(len(photos))
    seen = [membership.pattern_of(probe.filtered(photo.pixels[None]), side) for photo in photos]
    try:
      membership.check([membership.Reference(Path(device), exif.Camera(), pattern) for pattern in seen])
    except UserError:
      continue
    able.append(device)
  return able


def pairs(queries: list[Photo], settings: Settings) -> None:
  """Image against image, by plain correlation of residuals and by fsim's weighted one."""
  device = np.array([photo.device for photo in queries])
  upper = np.triu_indices(len(queries), 1)
  same = (device[:, None] == device)[upper]
  without = ~np.array(["D3200" in a + b for a, b in zip(device[upper[0]], device[upper[1]], strict=True)])
  for name, extract in (("plain residuals", residuals), ("fsim", probe.against_image)):
    seen = patterns(queries, extract, settings)
    score = np.asarray(matching.correlation(seen, seen))[upper].astype(float)
    line = summary(same, score)
    rest = f"; without the D3200 {summary(same[without], score[without])['auc']:.4f}" if (~without).any() else ""
    found = f"AUC {line['auc']:.4f}{rest}, TPR at FPR 1e-3 {line['tpr_at_1e-3']:.4f}"
    print(f"image pairs, {name}: {found}, {same.sum()} same of {len(same)}")


def scales(parts: Parts, settings: Settings) -> None:
  """Does another scale bring back the camera that resizes? Median PCE over all shifts near 0, query resized."""
  queries = [photo for photo in parts.queries if "D3200" in photo.device]
  if not queries:
    return
  device = queries[0].device
  mark = prints({device: parts.references[device]}, settings)
  for scale in (0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 1.0, 1.01, 1.02, 1.05, 1.1, 1.33, 2.0):
    found = []
    for pattern in patterns(queries, probe.against_fingerprint, settings):
      seen = np.asarray(Transform(scale=scale).at(pattern))
      small, large = (seen[None], mark) if len(seen) <= mark.shape[1] else (mark, seen[None])
      found.append(matching.search(small, large).pce.item())
    print(
      f"D3200 at scale {scale}: largest PCE over all shifts, median {np.median(found):.1f}, best {np.max(found):.1f}"
    )


def collection(folder: Path, strength: float, devices: int) -> Path:
  """Virtual cameras with their PRNU multiplied; made once."""
  default = virtual.PRESETS["virtual/default"]
  models = tuple(
    dataclasses.replace(m, sensor=dataclasses.replace(m.sensor, prnu=m.sensor.prnu * strength)) for m in default.models
  )
  preset = dataclasses.replace(default, models=models, devices=(devices,) * len(models), scenes=30, side=1024)
  virtual.write(preset, folder, 2, (0, 1))
  return folder


def recompressed(photo: Photo, quality: int) -> Photo:
  buffer = io.BytesIO()
  Image.fromarray(photo.pixels).save(buffer, "JPEG", quality=quality)
  return photo._replace(pixels=jpeg.decode(buffer.getvalue()))


def simulated(folder: Path, figures: Path | None) -> None:
  """One thing is varied at a time: 12 devices of 6 models, 512x512 pixels, 10 images a fingerprint, 15 queries each."""
  whole = divide([p for p in photographs(collection(folder / "1.0", 1.0, 2), 640) if p.subset == "natural"])
  usual = changed(whole, lambda p: cut(p, 512))
  conditions = {("images in the fingerprint", n): (usual, n) for n in (1, 2, 5, 10, 15)}
  conditions |= {("side of the crop, pixels", n): (changed(whole, lambda p, n=n: cut(p, n)), 10) for n in SIDES}
  for quality in (40, 60, 75, 85, 95):
    again = usual._replace(queries=[recompressed(p, quality) for p in usual.queries])
    conditions["quality of a second JPEG", quality] = (again, 10)
  for strength in STRENGTHS:
    made = photographs(collection(folder / f"{strength}", strength, 2), 512)
    conditions["strength of the PRNU", strength] = (divide([p for p in made if p.subset == "natural"]), 10)
  lines = []
  for (axis, value), (parts, references) in conditions.items():
    fewer = {device: photos[:references] for device, photos in parts.references.items()}
    lines.append({"against": axis, "value": value} | described(scores(parts._replace(references=fewer))))
    print(lines[-1], flush=True)
  table = pd.DataFrame(lines)
  print(table.round(4).to_string(index=False))
  if figures:
    draw(table, figures / "prnu_curves.png")


def cut(photo: Photo, side: int) -> Photo:
  return photo._replace(pixels=centre(photo.pixels, side))


def changed(parts: Parts, change: Callable[[Photo], Photo]) -> Parts:
  references = {device: [change(p) for p in photos] for device, photos in parts.references.items()}
  return Parts(references, [change(p) for p in parts.queries])


def draw(table: pd.DataFrame, file: Path) -> None:
  groups = list(table.groupby("against", sort=False))
  figure, axes = plt.subplots(1, len(groups), figsize=(4 * len(groups), 3.6), sharey=True, layout="constrained")
  for axis, (name, part) in zip(axes, groups, strict=True):
    for column, colour in (("AUC", "#222222"), ("AUC, same model", "#d95f02"), ("found", "#4575b4")):
      label = f"found at false-alarm probability {ALPHA:g}" if column == "found" else column
      axis.plot(part["value"], part[column], marker="o", color=colour, label=label)
    if name != "quality of a second JPEG":
      axis.set_xscale("log")
    axis.set_xticks(part["value"], [f"{v:g}" for v in part["value"]])
    axis.minorticks_off()
    axis.set(xlabel=name, ylim=(0, 1.02))
    axis.grid(alpha=0.3)
  axes[0].set_ylabel("AUC, or share of own images")
  axes[0].legend(fontsize=8, loc="lower right")
  figure.savefig(file, dpi=90)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--real", type=Path)
  parser.add_argument("--noise", choices=sorted(SETTINGS), default=DEFAULT.noise, help="of real photographs")
  parser.add_argument("--virtual", type=Path)
  parser.add_argument("--figures", type=Path)
  chosen = parser.parse_args()
  if chosen.real:
    real(chosen.real, SETTINGS[chosen.noise])
  if chosen.virtual:
    simulated(chosen.virtual, chosen.figures)


if __name__ == "__main__":
  main()
