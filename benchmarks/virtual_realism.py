"""Virtual beside real cameras: PCE, noise against intensity, residual spectra, bits per pixel.

  python -m benchmarks.virtual_realism --real=../shared/realcams --virtual=DIR [--figures=docs/figures]

Both folders are laid out as Dresden (natural/, flat-field/ and a CSV). DIR is made first if it is empty: the models of
virtual/default at 1024 pixels, one device each. Fingerprints come from up to 10 flat fields and from 20 natural images.
"""

import argparse
import dataclasses
import multiprocessing
import multiprocessing.pool
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import scipy.ndimage
from tqdm import tqdm

from fsim import virtual
from fsim.data import jpeg
from fsim.prnu import fingerprints, matching, probe
from fsim.prnu.residuals import DEFAULT, residuals

SIDE = 1024
REFERENCES = 20
LEVELS = np.arange(16, 240, 16)


class Measured(NamedTuple):
  """One file: what PCE needs, noise in each interval of LEVELS (NaN: no flat block), radial spectrum, bits a pixel."""

  pixels: np.ndarray
  deviation: np.ndarray
  spectrum: np.ndarray
  bits: float


def measure(file: Path) -> Measured:
  data = file.read_bytes()
  full = jpeg.decode(data)
  height, width = (min(side, SIDE) // 16 * 16 for side in full.shape[:2])
  pixels = full[:height, :width]
  noise = np.asarray(residuals(pixels[None], DEFAULT._replace(whiten=False)))[0]
  return Measured(
    pixels,
    _deviation(pixels @ np.array([0.299, 0.587, 0.114], np.float32)),
    _radial(noise),
    len(data) * 8 / full[..., 0].size,
  )


def _deviation(grey: np.ndarray) -> np.ndarray:
  """Standard deviation of the high-pass residual in the smoothest tenth of the 16x16 blocks of each brightness."""
  high = grey - scipy.ndimage.uniform_filter(grey, 3)
  blocks = [x.reshape(grey.shape[0] // 16, 16, -1, 16).swapaxes(1, 2).reshape(-1, 256) for x in (grey, high)]
  mean, spread = blocks[0].mean(1), blocks[1].std(1)
  bins = np.digitize(mean, LEVELS)
  return np.array(
    [np.quantile(spread[bins == k], 0.1) if (bins == k).sum() > 20 else np.nan for k in range(1, len(LEVELS))]
  )


def _radial(noise: np.ndarray) -> np.ndarray:
  """Power of the residual in 32 rings of frequency up to half a cycle a pixel, as a share of the whole."""
  power = np.abs(np.fft.fft2(noise)) ** 2
  radius = np.hypot(np.fft.fftfreq(noise.shape[0])[:, None], np.fft.fftfreq(noise.shape[1])[None])
  rings = np.minimum((radius * 64).astype(int), 32)
  mean = np.bincount(rings.ravel(), power.ravel())[:32] / np.bincount(rings.ravel())[:32]
  return mean / power.mean()


class Camera(NamedTuple):
  natural: list[Measured]
  flat: list[Measured]


def cameras(folder: Path, pool: multiprocessing.pool.Pool) -> dict[str, Camera]:
  """All devices of a folder, in portrait or landscape as their first file is."""
  table = pd.read_csv(next(folder.glob("*.csv")) if not (folder / "metadata.csv").exists() else folder / "metadata.csv")
  files = [folder / row.subset / row.filename for row in table.itertuples()]
  done = list(tqdm(pool.imap(measure, files, chunksize=4), total=len(files), desc=folder.name))
  found: dict[str, Camera] = {}
  for row, measured in zip(table.itertuples(), done, strict=True):
    camera = found.setdefault(f"{row.brand} {row.model} {row.instance}", Camera([], []))
    (camera.flat if row.subset == "flat-field" else camera.natural).append(measured)
  return found


def scores(found: dict[str, Camera]) -> pd.DataFrame:
  """PCE of natural images that are not in the reference against the references of all devices."""
  rows = []
  for owner, camera in found.items():
    references = {"flat fields": (camera.flat, 0), "20 images": (camera.natural[:REFERENCES], REFERENCES)}
    for kind, (images, used) in references.items():
      if len(images) < 8:
        continue
      mark = _mark(images)
      for other, queried in found.items():
        for k, m in enumerate(queried.natural[used:] if other == owner else queried.natural[:6]):
          if m.pixels.shape[:2] == mark.shape:
            asked = probe.against_fingerprint(m.pixels[None])
            rows.append((kind, owner, other, k, matching.aligned_pce(asked, mark[None]).item()))
  return pd.DataFrame(rows, columns=["reference", "fingerprint", "device", "image", "pce"])


def _mark(images: list[Measured]) -> np.ndarray:
  sums = fingerprints.nothing(images[0].pixels.shape[:2])
  for image in images:
    if image.pixels.shape == images[0].pixels.shape:
      sums = fingerprints.add(sums, image.pixels, DEFAULT)
  return fingerprints.estimate(sums, "", ("",), DEFAULT).pattern()


def summary(table: pd.DataFrame) -> pd.DataFrame:
  """A line a fingerprint: same-device median and share above 60, largest of other devices."""
  lines = []
  for (kind, owner), group in table.groupby(["reference", "fingerprint"]):
    same, other = group[group.device == owner].pce, group[group.device != owner].pce
    lines.append((kind, owner, len(same), same.median(), (same > 60).mean(), len(other), other.max()))
  return pd.DataFrame(
    lines, columns=["reference", "device", "same", "median PCE", "above 60", "others", "largest of others"]
  ).round(2)


def figures(real: dict[str, Camera], made: dict[str, Camera], tables: list[pd.DataFrame], folder: Path) -> None:
  """Four figures, real left, virtual right, on shared axes."""
  folder.mkdir(parents=True, exist_ok=True)
  sides = (("real", real), ("virtual", made))
  _pair(
    folder / "virtual_noise.png",
    sides,
    lambda c: _lines([m.deviation for m in c.natural]),
    LEVELS[:-1] + 8,
    "grey level",
    "noise in smooth blocks, grey levels",
  )
  _pair(
    folder / "virtual_spectrum.png",
    sides,
    lambda c: _lines([m.spectrum for m in c.natural]),
    np.arange(32) / 64,
    "cycles a pixel",
    "residual power, relative",
  )
  _pair(
    folder / "virtual_bits.png",
    sides,
    lambda c: np.quantile([m.bits for m in c.natural], np.linspace(0, 1, 21)),
    np.linspace(0, 1, 21),
    "share of the images",
    "bits a pixel",
  )
  figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True, sharey=True, layout="constrained")
  for axis, (name, _), table in zip(axes, sides, tables, strict=True):
    same = table.device == table.fingerprint
    edges = np.concatenate([[-1e3], np.geomspace(1, 1e4, 41)])
    for label, which in (("same device", same), ("other device", ~same)):
      axis.hist(np.clip(table[which].pce, 1, 1e4), edges, alpha=0.6, label=f"{label} ({which.sum()})", density=False)
    axis.set(
      title=name, xscale="log", yscale="log", xlabel="PCE (values below 1 drawn at 1)", ylabel="images", xlim=(0.9, 1e4)
    )
    axis.axvline(60, color="grey", lw=1)
    axis.legend()
  figure.savefig(folder / "virtual_pce.png", dpi=90)


def _lines(rows: list[np.ndarray]) -> np.ndarray:
  rows = np.array(rows)
  counted = np.isfinite(rows).sum(0)
  with np.errstate(all="ignore"):
    return np.where(counted >= 3, np.nanmedian(np.where(counted >= 3, rows, 0), axis=0), np.nan)


def _pair(file: Path, sides: tuple, curve, x: np.ndarray, xlabel: str, ylabel: str) -> None:
  figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True, sharey=True, layout="constrained")
  for axis, (name, found) in zip(axes, sides, strict=True):
    for device, camera in found.items():
      if len(camera.natural) >= 3:
        axis.plot(x, curve(camera), label=device)
    axis.set(title=name, xlabel=xlabel, ylabel=ylabel)
    axis.legend(fontsize=6)
  figure.savefig(file, dpi=90)
  plt.close(figure)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--real", type=Path, required=True)
  parser.add_argument("--virtual", type=Path, required=True)
  parser.add_argument("--figures", type=Path)
  chosen = parser.parse_args()
  default = virtual.PRESETS["virtual/default"]
  preset = dataclasses.replace(default, devices=(1,) * len(default.models), scenes=32, side=SIDE)
  virtual.write(preset, chosen.virtual, 2, (0, 1))
  with multiprocessing.get_context("spawn").Pool(2) as pool:
    real, made = cameras(chosen.real, pool), cameras(chosen.virtual, pool)
  tables = [scores(real), scores(made)]
  for name, table in zip(("real", "virtual"), tables, strict=True):
    print(f"\n{name}\n{summary(table).to_string(index=False)}")
  if chosen.figures:
    figures(real, made, tables, chosen.figures)


if __name__ == "__main__":
  main()
