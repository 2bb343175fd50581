"""What each stage costs in time and memory as photographs grow in number, and what a million of them would.

  python -m benchmarks.scale OUT --photographs=FOLDER          curves, each point once; goes on where it was interrupted
  python -m benchmarks.scale OUT --whole=10000                 all pairs of so many patterns, linked and written
  python -m benchmarks.scale OUT --figure=docs/figures/scale.png        fits, figure, and what a million would cost

Patterns are planted: white noise of 512x512 pixels (for --whole of 256x256, with the z of larger ones) with as much of
a device's pattern as photographs of 13 real devices show (`opencams/train`, quantiles over the photographs of each), 20
photographs a device. Decoding and the noise filter are measured on the photographs of FOLDER. Every point is measured
in a process of its own: CPU seconds, and the largest size in memory. docs/scale.md has what was found.
"""

import argparse
import functools
import hashlib
import json
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmarks import scale_costs
from fsim import cpu
from fsim.boundary import console, progress
from fsim.data import jpeg
from fsim.data.photographs import find
from fsim.evidence import album, linked, linked_figures, linking, pairs, shipped
from fsim.evidence.album import Member
from fsim.evidence.quality import Quality
from fsim.prnu import index
from fsim.prnu.index import Index
from fsim.prnu.settings import DEFAULT
from fsim.prnu.tiles import Tiles

SIDE, EACH = 512, 20  # Pixels of a pattern, and photographs of a device.
SMALLER = 256  # Pixels of those of the whole run.
COUNTS = {
  "decode": (31, 62, 125, 250),
  "residual": (31, 62, 125),
  "store": (128, 256, 512),
  "pair tiles": (512, 1024, 2048),
  "clustering": (1024, 2048, 4096, 8192),
  "writing": (1024, 2048, 4096, 8192),
  "search": (1250, 2500, 10_000),
}
# Share of a device's pattern in those of its photographs: quantiles .1, .3, .5, .7, .9 of each real device.
STRENGTHS = np.array(
  [
    [0.0036, 0.0108, 0.0452, 0.0585, 0.0854],
    [0.0648, 0.0762, 0.0879, 0.0931, 0.1131],
    [0.0452, 0.0586, 0.0828, 0.1089, 0.1486],
    [0, 0, 0, 0, 0],
    [0.0187, 0.0293, 0.0372, 0.039, 0.0453],
    [0.0753, 0.0794, 0.0888, 0.1019, 0.1129],
    [0.0925, 0.1142, 0.1305, 0.1481, 0.1606],
    [0.0396, 0.0627, 0.0713, 0.0881, 0.102],
    [0.0131, 0.0683, 0.0985, 0.1257, 0.1494],
    [0.1163, 0.1218, 0.1251, 0.1273, 0.1396],
    [0, 0, 0.0184, 0.0422, 0.0672],
    [0.0949, 0.1052, 0.1133, 0.1151, 0.1267],
    [0.0562, 0.0715, 0.0796, 0.0844, 0.0928],
  ]
)
TYPICAL = Quality(SIDE * SIDE, 2.9, 0.6, -0.3, 0.42, 0.01, 0.0, 1.24)  # Of a planted photograph: all alike.


@functools.lru_cache(maxsize=2)
def sensor(device: int, side: int) -> Float[np.ndarray, "s s"]:
  return normal(1 << 40 | device, side)


def normal(seed: int, side: int) -> Float[np.ndarray, "s s"]:
  return np.random.Generator(np.random.SFC64(seed)).standard_normal((side, side), np.float32)


def strength(k: int) -> float:
  device = k // EACH
  return float(np.interp(np.random.default_rng(k).random(), (0.1, 0.3, 0.5, 0.7, 0.9), STRENGTHS[device % 13]))


def pattern(k: int, side: int = SIDE) -> Float[np.ndarray, "s s"]:
  """Of photograph k; z of two does not depend on the side."""
  share = np.float32(strength(k) * (SIDE / side) ** 0.5)
  return share * sensor(k // EACH, side) + np.sqrt(1 - share**2) * normal(k, side)


def name(k: int) -> str:
  return hashlib.sha256(str(k).encode()).hexdigest()


def names(count: int) -> list[str]:
  return [name(k) for k in range(count)]


def planted(place: Path, count: int, side: int = SIDE) -> Tiles:
  """The patterns that are not there yet are made."""
  tiles = Tiles(place)
  for k in progress.bar(range(count), desc="patterns"):
    if not tiles.has(name(k), (side, side)):
      tiles.keep(name(k), pattern(k, side))
  return tiles


def decode(place: Path, photographs: list[Path], count: int) -> Callable[[], object]:
  return lambda: [jpeg.decode(path.read_bytes()) is None for path in photographs[:count]]


def residual(place: Path, photographs: list[Path], count: int) -> Callable[[], object]:
  """Decoding too; `scale_costs` takes it off."""
  folder = Path(tempfile.mkdtemp(dir=place))
  tell = lambda path, cause: print(f"left out {path}: {cause}")  # noqa: E731
  album.gather(photographs[-1:], Tiles(folder / "warm"), tell)  # Compiles.
  return lambda: (album.gather(photographs[:count], Tiles(folder / "tiles"), tell), shutil.rmtree(folder))


def store(place: Path, photographs: list[Path], count: int) -> Callable[[], object]:
  folder, made = Path(tempfile.mkdtemp(dir=place)), [pattern(k) for k in range(64)]
  tiles = Tiles(folder)

  def work() -> None:
    for k in range(count):
      tiles.keep(name(k), made[k % 64])
      tiles.has(name(k), (SIDE, SIDE))
    shutil.rmtree(folder)

  return work


def pair_tiles(place: Path, photographs: list[Path], count: int) -> Callable[[], object]:
  """The patterns of the whole set, and tiles of an own one."""
  there, folder = planted(place / f"patterns-{SIDE}", count), Path(tempfile.mkdtemp(dir=place))
  tiles = Tiles(folder)
  for k in range(count):
    for kept in (tiles._pattern(name(k)), tiles._spectrum(name(k))):
      kept.symlink_to(there.folder / kept.name)
  return lambda: (tiles.make(names(count), (SIDE, SIDE)), shutil.rmtree(folder))


def z_of(count: int) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, " n"]]:
  """As patterns would give it, and the root of what photographs are expected to show with themselves."""
  own = np.array([strength(k) for k in range(count)], np.float32) * np.float32(SIDE**0.5)
  z = np.random.default_rng(0).standard_normal((count, count), np.float32)
  z = np.tril(z, -1) + np.tril(z, -1).T
  device = np.arange(count) // EACH
  return z + np.outer(own, own) * (device[:, None] == device), np.maximum(own, 0.3).astype(float)


def clustering(place: Path, photographs: list[Path], count: int) -> Callable[[], object]:
  (z, own), table = z_of(count), pairs.smaller(pairs.tables(shipped.chosen(None).calibration))
  paid = linking.Price(count, count * (count - 1) // 2)
  return lambda: linking.grow(z, own, SIDE * SIDE, table, paid)


def members(count: int, side: int = SIDE) -> list[Member]:
  own = TYPICAL._replace(pixels=side * side)
  made = [Member(Path(f"{k // EACH:05}_{k}.jpg"), name(k), name(k), (side, side), own) for k in range(count)]
  return sorted(made, key=lambda one: one.sha256)


def writing(place: Path, photographs: list[Path], count: int) -> Callable[[], object]:
  """The ratios of all pairs, and the picture."""
  (z, own), calibration = z_of(count), shipped.chosen(None).calibration
  np.fill_diagonal(z, np.nan)
  line, table = calibration.lines["another model"], pairs.tables(calibration)["another model"]
  ratios = pairs.Ratios(table, (line.low, line.high), own, z)
  found = linked.Linked(members(count), [], z, {"H2a": ratios, "H2b": ratios}, count * (count - 1) // 2)
  return lambda: written(found, place)


def written(found: linked.Linked, place: Path) -> None:
  linked_figures.picture(found)
  linked.write_arrays(place / "ratios.npz", found)


def search(place: Path, photographs: list[Path], count: int) -> Callable[[], object]:
  """Ten photographs by signs; reading the index is not counted, but is in memory."""
  of, size = Index(place), SIDE * SIDE // 8
  kind = index.Kind((SIDE, SIDE), DEFAULT, False)
  rows = np.random.default_rng(0).integers(0, 256, (count, size), np.uint8)
  of.known[kind] = ([Path(str(k)) for k in range(count)], rows)
  return lambda: [of.likeliest(kind, pattern(k), 100) for k in range(10)]


STAGES = {
  "decode": decode,
  "residual": residual,
  "store": store,
  "pair tiles": pair_tiles,
  "clustering": clustering,
  "writing": writing,
  "search": search,
}


def measured(stage: str, place: Path, photographs: list[Path], count: int) -> dict:
  """One point, in a process of its own."""
  work = STAGES[stage](place, photographs, count)
  began, clock = time.process_time(), time.perf_counter()
  work()
  spent = {"cpu": time.process_time() - began, "wall": time.perf_counter() - clock}
  return {"stage": stage, "n": count, "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024} | spent


def whole(place: Path, count: int) -> None:
  """All pairs of planted patterns, linked and written. What a stopped call has spent is noted too."""
  patterns = functools.partial(planted, side=SMALLER)
  for step, work in (("patterns", patterns), ("pairs", compared), ("link", grouped)):
    began = time.process_time()
    try:
      work(place / f"patterns-{SMALLER}", count)
    finally:
      rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
      note(place, {"stage": "whole", "n": count, "step": step, "cpu": time.process_time() - began, "rss": rss})


def compared(place: Path, count: int) -> None:
  linked.prepare(members(count, SMALLER), Tiles(place))


def grouped(place: Path, count: int) -> None:
  found = linked.link(members(count, SMALLER), Tiles(place), shipped.chosen(None).calibration)
  device = np.array([int(member.path.name[:5]) for member in found.members])
  mixed = sum(len(set(device[list(group.members)].tolist())) > 1 for group in found.groups)
  print(linked.sentence(found), f"{mixed} of {len(found.groups)} groups mixed")
  written(found, place.parent)
  (place.parent / "groups.json").write_text(console.to_json(linked.facts(found)))


def note(place: Path, row: dict) -> None:
  with (place / scale_costs.FILE).open("a") as file:
    file.write(json.dumps(row) + "\n")
  print(row, flush=True)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("out", type=Path)
  parser.add_argument("--photographs", type=Path, nargs="+", help="folders of JPEGs")
  parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=list(STAGES))
  parser.add_argument("--whole", type=int, metavar="N")
  parser.add_argument("--figure", type=Path, metavar="PNG")
  chosen = parser.parse_args()
  chosen.out.mkdir(parents=True, exist_ok=True)
  cpu.keep_memory()
  if chosen.figure:
    scale_costs.told(scale_costs.read(chosen.out), chosen.figure)
  elif chosen.whole:
    whole(chosen.out, chosen.whole)
  else:
    photographs = find(chosen.photographs).paths if chosen.photographs else []
    there = {(row["stage"], row["n"]) for row in scale_costs.read(chosen.out)}
    for stage in chosen.stages:
      for count in COUNTS[stage]:
        if (stage, count) in there or (stage in ("decode", "residual") and count > len(photographs)):
          continue
        with multiprocessing.get_context("spawn").Pool(1, initializer=cpu.keep_memory) as pool:
          note(chosen.out, pool.apply(measured, (stage, chosen.out, photographs, count)))


if __name__ == "__main__":
  main()
