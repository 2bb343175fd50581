"""What the noise of the system device says without its networks: photograph against photograph, and by fingerprints.

  python -m benchmarks.device_noise virtual/default --size=512
  python -m benchmarks.device_noise public/opencams/train --size=768 [--only=iPhone5s,D70]

Fingerprints are of flat fields where a device has at least as many as natural photographs, else of its first 26
photographs and at most two thirds; pairs are all pairs of the others. Then: how this rises with the photographs in a
fingerprint, what fewer bits a pixel lose, and device by device of one model.
"""

import argparse
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from fsim.data import sources
from fsim.data.loader import CentreCrop
from fsim.metrics import rates
from fsim.prnu import compact, probe
from fsim.prnu.compact import Patterns
from fsim.systems.device import noise

REFERENCES = 26  # Photographs in a fingerprint, at most.
FEWER = (1, 2, 5, 10, REFERENCES)
BITS = {"1": (np.inf, 0), "2": (1.22, 1), "4": (compact.STEP, compact.TOP)}  # Step, and levels on either side of 0.


class Seen(NamedTuple):
  """Photographs, their clean patterns and the packed ones, and which of them make fingerprints."""

  table: pd.DataFrame
  whole: Float[np.ndarray, "n s s"]
  patterns: Patterns
  enrolled: Bool[np.ndarray, " n"]

  def devices(self) -> tuple[list[str], Int[np.ndarray, " n"]]:
    names, labels = np.unique(self.table["device"].to_numpy(str), return_inverse=True)
    return names.tolist(), labels


def seen(name: str, size: int, only: str) -> Seen:
  images = sources.opened(name)
  table = images.table.assign(row=np.arange(len(images.table)))
  table = table[(table[["width", "height"]].min(axis=1) >= size) & (table["platform"] == "")]
  table = table[table["subset"].isin(["natural", "flat-field"]) & table["device"].str.contains(only, regex=True)]
  table = table.sort_values(["device", "subset", "shot"]).reset_index(drop=True)
  flat = table["subset"] == "flat-field"
  enrolled = pd.Series(False, table.index)
  for _, own in table.groupby("device"):
    natural, even = own.index[~flat[own.index]], own.index[flat[own.index]]
    count = min(REFERENCES, len(natural) * 2 // 3)
    enrolled[even if len(even) >= len(natural) else natural[:count]] = True
  kept = (enrolled | ~flat).to_numpy()
  table, enrolled = table[kept].reset_index(drop=True), enrolled[kept].to_numpy()
  cut = CentreCrop(images.records, size)
  whole = [np.asarray(probe.against_image(compact.square(cut.pixels(row), size)[None]))[0] for row in table["row"]]
  packed = np.stack([compact.pack(one[None])[0] for one in whole])
  placed = compact.placed(packed, table["width"].to_numpy(), table["height"].to_numpy())
  return Seen(table, np.stack(whole).astype(np.float16), placed, enrolled)


def some(patterns: Patterns, which: np.ndarray) -> Patterns:
  return Patterns(*(part[which] for part in patterns))


def described(found: Float[np.ndarray, "n n"], table: pd.DataFrame) -> str:
  """AUC of all pairs and of those of one model, where there are any."""
  device, model = (table[name].to_numpy(str) for name in ("device", "model"))
  i, j = np.triu_indices(len(table), 1)
  same, within = device[i] == device[j], model[i] == model[j]
  within &= np.isin(model[i], model[i][within & ~same])
  told = []
  for name, which in (("all", np.ones(len(i), bool)), ("same model", within)):
    if same[which].any() and not same[which].all():
      line = rates.summary(rates.roc(same[which], found[i, j][which].astype(float), np.ones(which.sum())))
      told.append(f"{name} {line['auc']:.4f} (TPR at 1e-2 {line['tpr_at_1e-2']:.3f})")
  return ", ".join(told) + f"; {same.sum()} same of {len(same)}"


def by_references(all_of_them: Seen) -> Iterator[str]:
  names, labels = all_of_them.devices()
  asked = some(all_of_them.patterns, ~all_of_them.enrolled)
  table = all_of_them.table[~all_of_them.enrolled]
  yield f"two photographs: {described(compact.z(asked, asked), table)}"
  for count in FEWER:
    place = pd.Series(labels[all_of_them.enrolled]).groupby(labels[all_of_them.enrolled]).cumcount().to_numpy()
    used = np.flatnonzero(all_of_them.enrolled)[place < count]
    gallery = noise.enrol(some(all_of_them.patterns, used), labels[used], len(names))
    z = noise.against(asked, gallery)
    own = labels[~all_of_them.enrolled, None] == np.arange(len(names))
    line = rates.summary(rates.roc(own.ravel(), z.ravel().astype(float), np.ones(own.size)))
    by_device = noise.posteriors(z, gallery)
    told = described(noise.log_ratios(by_device, by_device), table)
    yield f"fingerprints of {count}: against them AUC {line['auc']:.4f}, mean z {z[own].mean():.1f}; pairs {told}"


def by_bits(all_of_them: Seen) -> Iterator[str]:
  asked, table = all_of_them.whole[~all_of_them.enrolled], all_of_them.table[~all_of_them.enrolled]
  for bits, (step, top) in {"32": (0.0, 0), **BITS}.items():
    rows = []
    for one in asked.astype(np.float32):
      value = one / one.std()
      level = np.sign(value) if np.isinf(step) else np.clip(np.rint(value / step), -top, top) if step else value
      rows.append(compact.units(level[None])[0])
    rows = np.stack(rows)
    yield f"{bits} bits, two photographs: {described(rows @ rows.T, table)}"


def by_siblings(all_of_them: Seen) -> Iterator[str]:
  """Devices of one model: photograph against photograph, and z with either's fingerprint."""
  names, labels = all_of_them.devices()
  gallery = noise.enrol(some(all_of_them.patterns, all_of_them.enrolled), labels[all_of_them.enrolled], len(names))
  for model, own in all_of_them.table[~all_of_them.enrolled].groupby("model"):
    if own["device"].nunique() < 2:
      continue
    asked = some(all_of_them.patterns, own.index.to_numpy())
    there = sorted(set(labels[own.index]))
    z = noise.against(asked, gallery)[:, there]
    mine = labels[own.index][:, None] == there
    told = f"z with its own fingerprint {z[mine].min():.1f} to {z[mine].max():.1f}, with a sibling's up to"
    yield f"{model}: pairs {described(compact.z(asked, asked), own)}; {told} {z[~mine].max():.1f}"


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("source", help="a preset of virtual cameras, or a folder")
  parser.add_argument("--size", type=int, default=512, help="pixels of the central square")
  parser.add_argument("--only", default="", help="parts of names of devices, with commas between them")
  given = parser.parse_args()
  found = seen(given.source, given.size, "|".join(map(re.escape, given.only.split(","))))
  for lines in (by_references, by_bits, by_siblings):
    for line in lines(found):
      print(line, flush=True)


if __name__ == "__main__":
  main()
