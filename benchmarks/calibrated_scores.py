"""Scores of the photographs of a Dresden-like folder, from which `benchmarks.calibrated` learns and on which it checks.

  python -m benchmarks.calibrated_scores FOLDER OUT [--flat]

OUT gets three tables as Parquet. Flat fields, where there are some and --flat asks for them, are references before
natural photographs.
"""

import argparse
from pathlib import Path

import pandas as pd

from fsim import cpu
from fsim.evidence import collecting
from fsim.evidence.collecting import Scores
from fsim.evidence.selecting import Labelled


def labelled(folder: Path, with_flat: bool) -> list[Labelled]:
  table = pd.read_csv(next(p for p in sorted(folder.glob("*.csv")) if p.name not in ("origins.csv", "cameras.csv")))
  files = []
  table["order"] = (table["subset"] != "flat-field").astype(int)
  for row in table.sort_values(["order", "brand", "model", "instance", "shot"]).itertuples():
    if row.subset == "flat-field" and not with_flat:
      continue
    model = f"{row.brand}_{row.model}"
    flat = row.subset == "flat-field"
    virtual = str(row.position_name).startswith("position ")  # Its two motives are seen from one place.
    scene = "flat" if flat else f"{row.position_num}" if virtual else f"{row.position_num} {row.motive_num}"
    files.append(Labelled(folder / row.subset / row.filename, f"{model}_{row.instance}", model, scene))
  return files


def load(folder: Path) -> Scores:
  return Scores(*(pd.read_parquet(folder / f"{name}.parquet") for name in Scores._fields))


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("folder", type=Path)
  parser.add_argument("out", type=Path)
  parser.add_argument("--flat", action="store_true")
  chosen = parser.parse_args()
  cpu.keep_memory()
  scores, left_out = collecting.collect(labelled(chosen.folder, chosen.flat))
  for path, cause in left_out:
    print(f"left out {path}: {cause}")
  chosen.out.mkdir(parents=True, exist_ok=True)
  for name, table in scores._asdict().items():
    table.to_parquet(chosen.out / f"{name}.parquet")
  print(*(f"{len(table):,} {name}" for name, table in scores._asdict().items()), sep=", ")


if __name__ == "__main__":
  main()
