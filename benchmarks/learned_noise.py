"""Sensor noise as a network sees it, beside the classical residuals, on the same pairs.

  python -m benchmarks.learned_noise simulate DIR --workers=2
  python -m benchmarks.learned_noise measure DIR --out=TABLE.csv
  python -m benchmarks.learned_noise real FOLDER --out=TABLE.csv
  python -m benchmarks.learned_noise draw FOLDER_OF_TABLES --out=FIGURE.png

Virtual cameras of models, devices and scenes that the network has not learned from. Fingerprints are of the first
photographs of a device, queries the rest; everything is aligned.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import jax
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Float, UInt8

from benchmarks import prnu_accuracy
from fsim.boundary import arrays
from fsim.boundary.machine import cores
from fsim.metrics import rates
from fsim.prnu import fingerprints, matching, probe
from fsim.prnu.fingerprints import Sums
from fsim.prnu.residuals import DEFAULT, clean, compiled_noise, grey, residuals
from fsim.prnu.settings import LEARNED, Settings
from fsim.systems.noise import examples
from fsim.virtual import dataset, in_parallel, postprocessing
from fsim.virtual.presets import PRESETS, Preset

AT_ONCE = 8  # Photographs whose patterns are made together.
REFERENCES, QUERIES = 10, 20  # Photographs a device, at most, unless varied.
DEFAULT_CAMERAS = PRESETS["virtual/default"]
SETS: dict[str, Preset] = {
  "default, 1024 pixels": dataclasses.replace(DEFAULT_CAMERAS, scenes=25, flat_fields=0, side=1024),
  "default, 512 pixels": dataclasses.replace(DEFAULT_CAMERAS, scenes=65, flat_fields=0, side=512),
  "other models": dataclasses.replace(
    PRESETS["virtual/similarity"],
    models=examples.UNLEARNED,
    devices=(1,) * len(examples.UNLEARNED),
    scenes=10,
    side=768,
    seed=902,
  ),
}
CONTENT = "content.npz"  # Pairs of photographs of one scene from one place by two devices of a model.


class Photos(NamedTuple):
  """Squares of photographs of several devices."""

  pixels: UInt8[np.ndarray, "n s s 3"]
  device: np.ndarray


class Patterns(NamedTuple):
  """Of photographs: what meets a fingerprint, what meets another photograph, and what a fingerprint is the sum of."""

  query: Float[np.ndarray, "n s s"]
  pair: Float[np.ndarray, "n s s"]
  sums: Sums


class Method(NamedTuple):
  """How patterns are made, and fingerprints of sums."""

  extract: Callable[[Any], Patterns]
  finish: Callable[[Sums], Any]


def by(settings: Settings) -> Method:
  """As `fsim fingerprint` and `fsim match` do it."""

  def extract(pixels: Any) -> Patterns:
    nothing = fingerprints.nothing(pixels.shape[1:3])
    sums = [fingerprints.add(nothing, image, settings) for image in pixels]
    seen = probe.against_fingerprint(pixels, settings), probe.against_image(pixels, settings)
    return Patterns(*seen, Sums(*map(np.stack, zip(*sums, strict=True))))

  return Method(extract, lambda sums: fingerprints.estimate(sums, "", ("",), settings).pattern())


def plain() -> Method:
  """Residuals as they are, and maximum likelihood with one variance for all pixels, as in public code."""

  def extract(pixels: Any) -> Patterns:
    found, light = residuals(pixels), grey(pixels)
    return Patterns(found, found, Sums(compiled_noise(pixels, DEFAULT) * light, light**2))

  return Method(extract, lambda sums: clean((sums.above / (sums.below + 1.0))[None], DEFAULT)[0])


METHODS = {"learned": by(LEARNED), "classical": by(DEFAULT), "plain residuals": plain()}


def patterns(photos: Photos, method: Method) -> Patterns:
  filled = arrays.filled(photos.pixels, AT_ONCE)
  parts = [jax.tree.map(np.asarray, method.extract(filled[k : k + AT_ONCE])) for k in range(0, len(filled), AT_ONCE)]
  return jax.tree.map(lambda *each: np.concatenate(each)[: len(photos.pixels)], *parts)


class Condition(NamedTuple):
  """Photographs that are compared, and how many of each device make its fingerprint."""

  name: str
  value: float
  references: Photos
  queries: Photos
  counts: tuple[int, ...] = (REFERENCES,)


def rows(condition: Condition, every: dict[str, Method]) -> Iterator[dict[str, Any]]:
  """Of a condition: fingerprints of each number of photographs, and pairs of queries, by every method."""
  for name, method in every.items():
    queries, references = (patterns(x, method) for x in (condition.queries, condition.references))
    common = {"condition": condition.name, "method": name}
    device = condition.queries.device
    names = sorted(set(condition.references.device))
    for count in condition.counts:
      own = [np.flatnonzero(condition.references.device == one)[:count] for one in names]
      marks = np.stack([np.asarray(method.finish(Sums(*(part[k].sum(0) for part in references.sums)))) for k in own])
      score = np.asarray(matching.correlation(queries.query, marks))
      same = device[:, None] == np.array(names)
      value = count if condition.counts != (REFERENCES,) else condition.value
      yield common | {"value": value, "against": "fingerprints"} | told(same, score, marks[0].size)
    upper = np.triu_indices(len(device), 1)
    score = np.asarray(matching.correlation(queries.pair, queries.pair))[upper]
    same = (device[:, None] == device)[upper]
    yield common | {"value": condition.value, "against": "photographs"} | told(same, score, marks[0].size)


def told(same: np.ndarray, score: np.ndarray, pixels: int) -> dict[str, Any]:
  """AUC, TPR at FPR 1e-3, and z (correlation in standard deviations of white noise) of own and of others."""
  same, score = same.ravel(), score.ravel().astype(float)
  found = rates.summary(rates.roc(same, score, np.ones(len(score))))
  z = score * pixels**0.5
  return {
    "auc": round(found["auc"], 4),
    "tpr": round(found["tpr_at_1e-3"], 4),
    "same": int(same.sum()),
    "all": len(same),
    "z": round(float(np.median(z[same])), 2),
    "z_others": round(float(z[~same].mean()), 3),
    "spread_others": round(float(z[~same].std()), 3),
    "largest_other": round(float(z[~same].max()), 2),
  }


def virtual_conditions(folder: Path) -> Iterator[Condition]:
  whole = split(photographs(folder / "default, 1024 pixels", 640), REFERENCES)
  usual = tuple(cut(x, 512) for x in whole)
  yield Condition("side of the crop, pixels", 512, *usual)
  yield Condition("other models, 512x512", 512, *split(photographs(folder / "other models", 512), 5))
  for quality in (75, 60, 85, 95):
    yield Condition("quality of a second JPEG", quality, usual[0], changed(usual[1], _again(quality)))
  yield Condition("side of the crop, pixels", 256, *(cut(x, 256) for x in whole))
  many = split(photographs(folder / "default, 512 pixels", 256), 50)
  yield Condition("photographs in the fingerprint, 256x256", 256, *many, counts=(1, 2, 5, 10, 20, 50))
  smaller = tuple(changed(x, lambda p: _again(90)(postprocessing.resize(0.8)(p))) for x in whole)
  yield Condition("all resized by .8, quality 90", 512, *smaller)
  for side in (128, 64, 640):
    yield Condition("side of the crop, pixels", side, *(cut(x, side) for x in whole))


def real_conditions(folder: Path) -> Iterator[Condition]:
  """Of a Dresden-like folder, divided as by benchmarks.prnu_accuracy."""
  for side in (768, 512):
    parts = prnu_accuracy.divide([p for p in prnu_accuracy.photographs(folder, side) if p.pixels.shape[0] == side])
    references = _photos([photo for own in parts.references.values() for photo in own])
    yield Condition("real cameras, side of the crop", side, references, _photos(parts.queries), (REFERENCES, 20))


def _photos(photos: list[prnu_accuracy.Photo]) -> Photos:
  return Photos(np.stack([photo.pixels for photo in photos]), np.array([photo.device for photo in photos]))


def photographs(folder: Path, side: int) -> Photos:
  """Central squares of a folder's natural photographs in landscape format, by device and shot."""
  names = sorted((folder / "natural").glob("*.JPG"), key=lambda p: (_device(p), int(p.stem.rpartition("_")[2])))
  with ThreadPoolExecutor(cores()) as pool:
    found = list(pool.map(lambda path: examples.decoded(path.read_bytes()), names))
  kept = [k for k, pixels in enumerate(found) if side <= pixels.shape[0] <= pixels.shape[1]]
  return Photos(np.stack([centre(found[k], side) for k in kept]), np.array([_device(names[k]) for k in kept]))


def _device(path: Path) -> str:
  return path.stem.rpartition("_")[0]


def centre(pixels: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "s s 3"]:
  """On the JPEG grid."""
  top, left = ((n - side) // 2 // 8 * 8 for n in pixels.shape[:2])
  return pixels[top : top + side, left : left + side]


def cut(photos: Photos, side: int) -> Photos:
  return changed(photos, lambda pixels: centre(pixels, side))


def changed(photos: Photos, change: Callable[[Any], Any]) -> Photos:
  with ThreadPoolExecutor(cores()) as pool:
    return photos._replace(pixels=np.stack(list(pool.map(change, photos.pixels))))


def _again(quality: int) -> Callable[[Any], Any]:
  return lambda pixels: examples.decoded(postprocessing.compressed(pixels, quality, "4:2:0"))


def split(photos: Photos, references: int) -> tuple[Photos, Photos]:
  """The first photographs of each device, and up to QUERIES of the others; devices with too few have half for each."""
  first, rest = [], []
  for device in sorted(set(photos.device)):
    own = np.flatnonzero(photos.device == device)
    count = min(references, len(own) // 2) if references < 50 else min(references, max(len(own) - 8, 1))
    first.extend(own[:count])
    rest.extend(own[count:][:QUERIES])
  return tuple(Photos(photos.pixels[k], photos.device[k]) for k in (first, rest))


def simulate(folder: Path, workers: int) -> None:
  folder.mkdir(parents=True, exist_ok=True)
  for name, preset in SETS.items():
    dataset.write(preset, folder / name, workers, (0, 1))
  tasks = [(903, number) for number in range(4)]
  made = list(in_parallel.done(examples.twins, tasks, workers))
  np.savez(folder / CONTENT, pixels=np.concatenate(made))


def content(folder: Path) -> None:
  """z of two photographs that share scene, viewpoint and model, and not the device: 0 +- 1 without content."""
  pixels = np.load(folder / CONTENT)["pixels"]
  for name, method in METHODS.items():
    a, b = (patterns(Photos(pixels[:, k], np.arange(len(pixels))), method).pair for k in range(2))
    z = np.array([float(matching.correlation(x[None], y[None])[0, 0]) for x, y in zip(a, b, strict=True)]) * 256
    deviation = z.std() / len(z) ** 0.5
    print(f"same scene, place and model, {len(z)} pairs, {name}: z {z.mean():.3f} +- {deviation:.3f}, sd {z.std():.3f}")


def measure(conditions: Iterator[Condition], out: Path) -> None:
  lines: list[dict[str, Any]] = []
  for condition in conditions:
    for line in rows(condition, METHODS):
      lines.append(line)
      print(line, flush=True)
      pd.DataFrame(lines).to_csv(out, index=False)


def speed(side: int) -> None:
  """Megapixels a second that each method makes ready for a fingerprint, a photograph and a sum."""
  pixels = np.random.default_rng(0).integers(0, 255, (AT_ONCE, side, side, 3), np.uint8)
  for name, method in METHODS.items():
    jax.block_until_ready(method.extract(pixels))
    began = time.time()
    jax.block_until_ready([method.extract(pixels) for _ in range(3)])
    print(f"{name}: {3 * pixels[..., 0].size / 1e6 / (time.time() - began):.2f} megapixels a second", flush=True)


def draw(tables: list[Path], figure: Path) -> None:
  """AUC and TPR of every set by every method, fingerprints beside pairs."""
  table = pd.concat([pd.read_csv(path) for path in tables])
  table["set"] = table["condition"] + " " + table["value"].astype(str)
  names = list(dict.fromkeys(table["set"]))
  drawn, axes = plt.subplots(2, 2, figsize=(11, 1.6 + 0.55 * len(names)), sharey=True, layout="constrained")
  looks = {"learned": ("o", "#d95f02"), "network alone": ("D", "#7570b3"), "classical": ("s", "#222222")}
  looks["plain residuals"] = ("x", "#4575b4")
  for row, against in enumerate(("fingerprints", "photographs")):
    for axis, (measure, label) in zip(axes[row], (("auc", "AUC"), ("tpr", "TPR at FPR 1e-3")), strict=True):
      for method, (mark, colour) in looks.items():
        own = table[(table["method"] == method) & (table["against"] == against)]
        axis.plot(own[measure], own["set"].map(names.index), mark, color=colour, label=method, alpha=0.85)
      axis.set_yticks(range(len(names)), names)
      axis.set(xlabel=label, title=f"against {against}")
      axis.grid(alpha=0.3)
  axes[0, 0].invert_yaxis()
  axes[0, 0].legend(fontsize=8)
  drawn.savefig(figure, dpi=90)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("what", choices=["simulate", "measure", "real", "draw"])
  parser.add_argument("folder", type=Path, help="of photographs; of `draw`, of tables")
  parser.add_argument("--out", type=Path)
  parser.add_argument("--workers", type=int, default=2)
  chosen = parser.parse_args()
  if chosen.what == "simulate":
    simulate(chosen.folder, chosen.workers)
  elif chosen.what == "draw":
    draw(sorted(chosen.folder.glob("*.csv")), chosen.out)
  else:
    measure(real_conditions(chosen.folder) if chosen.what == "real" else virtual_conditions(chosen.folder), chosen.out)
  if chosen.what == "measure":
    content(chosen.folder)
    speed(512)


if __name__ == "__main__":
  main()
