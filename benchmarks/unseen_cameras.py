"""python -m benchmarks.unseen_cameras --photos=FOLDER [--run=DIR] [--without MODEL ...] [--most 20] [--draws 20]

AUC of pairs of one camera model against pairs of two, as it is often published: all pairs of one draw count alike, of
single patches (one an image) and of images (as fsim compares them; and by the log-odds of the means of their features
as they are, whatever number of patches they are of), with at most so many images of a device. The report of a run lets
every two models count equally instead. FOLDER holds natural photographs of cameras that the network was not trained on
(several: A,B); models that the network to compare with has seen are left out by name. "colour alone" is a control that
knows nothing of cameras: how near the mean colours of the same patches are, whatever their brightness. Where each
camera saw one place only, it shows what the place gives away.

Before these lines come 95 % intervals over models and over devices; tables by model and by device, each with its own
pairs against those with all others, which are drawn anew for the interval; the two models that are taken for one
another most; and controls of content: pairs of models that photographed the same kind of thing, by themselves
(benchmarks/public_cameras.py has those of the public photographs, --control names others). --out gets all of it as CSV,
and a picture. Without --run the weights that came with fsim answer; a network of another kind comes by `fsim caffe`.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.metrics import roc_auc_score

from benchmarks import model_wins
from benchmarks.model_wins import Wins
from benchmarks.public_cameras import CONTROLS
from fsim import cpu
from fsim.boundary import console, labels, outputs, progress, spreadsheet
from fsim.boundary.drawing import png, subplots
from fsim.boundary.errors import UserError
from fsim.commands import answering, options
from fsim.commands.work.cluster import chosen, scores
from fsim.data import jpeg, sources
from fsim.data.source import Images
from fsim.systems.model import fitted
from fsim.systems.model.fitted import FittedSimilarity

Features = list[Float[np.ndarray, "p d"]]
PATCHES, IMAGES, COLOUR = "patches", "images", "images, colour alone"
SHOWN = (PATCHES, IMAGES, COLOUR)  # Of the ways, in tables that are printed.
WORST = 10  # Pairs of models that are printed.
COLOURS = {PATCHES: "#4575b4", IMAGES: "#222222", COLOUR: "#d95f02"}


def embed(
  known: FittedSimilarity, images: Images, left_out: list[str]
) -> tuple[pd.DataFrame, Features, Float[np.ndarray, "m 3"]]:
  """The natural photographs that have usable patches, the features of these, and their mean colours."""
  table = images.table
  unknown = sorted(set(left_out) - set(table["model"]))
  if unknown:
    raise UserError(f"there is no model {', '.join(unknown)}; there are {', '.join(sorted(set(table['model'])))}")
  rows = np.flatnonzero((table["subset"] == "natural") & ~table["model"].isin(left_out))
  usable, features, colours = [], [], []
  for row in progress.bar(rows, desc="features", unit="image"):
    pixels = chosen(jpeg.decode(images.records[row]), known)
    if len(pixels):
      usable.append(row)
      features.append(fitted.features(known, pixels))
      colours.append(pixels.mean((0, 1, 2)))
  return table.iloc[usable].reset_index(drop=True), features, np.array(colours)


def likeness(colours: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "m m"]:
  """Minus the squared distance of mean colours, by the ratios of their channels."""
  ratios = np.log(colours + 1)
  ratios -= ratios.mean(1, keepdims=True)
  return -np.square(ratios[:, None] - ratios[None]).sum(2)


def drawn(table: pd.DataFrame, most: int, rng: np.random.Generator) -> Int[np.ndarray, " m"]:
  """Rows of at most so many images of each device."""
  mixed = table.iloc[rng.permutation(len(table))]
  return np.sort(mixed.groupby("device").head(most).index.to_numpy())


def auc(models: np.ndarray, values: Float[np.ndarray, "m m"]) -> float:
  """Of all pairs of two different images."""
  i, j = np.triu_indices(len(models), 1)
  return roc_auc_score(models[i] == models[j], values[i, j])


def draws(
  known: FittedSimilarity, table: pd.DataFrame, features: Features, colours: Float[np.ndarray, "m 3"], settings
) -> tuple[pd.DataFrame, dict[str, Wins], int]:
  """AUC by each way, a row a draw; the mean of all comparisons; images of a draw. settings: draws, most, seed."""
  means = np.stack([own.mean(0) for own in features])
  ways = {
    IMAGES: scores(known, features),
    "images, mean features": fitted.log_odds(known, means, means),
    COLOUR: likeness(colours),
  }
  models, devices = table["model"].to_numpy(), table["device"].to_numpy()
  rng, found, wins = np.random.default_rng(settings.seed), [], []
  for _ in progress.bar(range(settings.draws), desc="draws"):
    rows = drawn(table, settings.most, rng)
    one = np.stack([features[row][rng.integers(len(features[row]))] for row in rows])
    patches = fitted.log_odds(known, one, one)
    values = {PATCHES: patches} | {way: whole[np.ix_(rows, rows)] for way, whole in ways.items()}
    found.append({way: auc(models[rows], own) for way, own in values.items()})
    wins.append({way: model_wins.of_draw(devices[rows], models[rows], own) for way, own in values.items()})
  return pd.DataFrame(found), {way: model_wins.mean([one[way] for one in wins]) for way in found[0]}, len(rows)


def controls(ways: dict[str, Wins], wanted: dict[str, Sequence[str]]) -> pd.DataFrame:
  """Those that the photographs serve, with two models or more of each; all other pairs of two below them."""
  there = set(next(iter(ways.values())).models)
  served = {name: own for name, models in wanted.items() if len(own := frozenset(models) & there) > 1}
  rows = [
    {"control": name, "models": ", ".join(sorted(own))} | model_wins.among(ways, own) for name, own in served.items()
  ]
  if rows:
    rest = model_wins.overall(ways, served.values())["value"].to_dict()
    rows.append({"control": "all but these pairs", "models": ""} | rest)
  return pd.DataFrame(rows)


def tables(ways: dict[str, Wins], wanted: dict[str, Sequence[str]]) -> dict[str, pd.DataFrame]:
  """By the names of their files."""
  return {
    "overall": model_wins.overall(ways).rename_axis("way").reset_index(),
    "models": model_wins.by_model(ways),
    "devices": model_wins.by_device(ways),
    "pairs": model_wins.by_pair(ways).sort_values(IMAGES, ignore_index=True),
    "controls": controls(ways, wanted),
  }


def shown(found: dict[str, pd.DataFrame]) -> str:
  """What is printed of the tables. Devices of a model that has one alone are in the table of models."""
  whole = found["overall"].set_index("way")
  for unit in ("models", "devices"):
    whole[f"95 % over {unit}"] = _ends(whole, f"low_{unit}", f"high_{unit}")
  several = found["devices"][found["devices"]["model"].duplicated(keep=False)]
  parts = [
    ("all pairs", whole[["value", "95 % over models", "95 % over devices"]].round(3).to_string()),
    ("by model: its own pairs against its pairs with others, 95 % over the others", _rows(found["models"], ["model"])),
  ]
  if len(several):
    told = [f"{IMAGES}: other device", f"{IMAGES}: device told"]
    parts.append(("by device, where a model has several", _rows(several, ["device"], told)))
  worst = found["pairs"].head(WORST)[["model_a", "model_b", "count", *SHOWN]]
  parts.append(("the pairs of models that images tell apart worst", worst.round(3).to_string(index=False)))
  if len(found["controls"]):
    own = found["controls"][["control", "models", "count", *SHOWN]].round(3)
    own["count"] = own["count"].astype("Int64").astype(str).replace("<NA>", "")
    parts.append(("controls of content: pairs between models that photographed the same", own.to_string(index=False)))
  return "\n\n".join(f"{title}\n{text}" for title, text in parts)


def _rows(table: pd.DataFrame, names: list[str], more: Sequence[str] = ()) -> str:
  made = table[[*names, "count"]].rename(columns={"count": "own pairs"})
  for way in SHOWN:
    made[way] = table[way].map("{:.3f} ".format) + _ends(table, f"{way}: low", f"{way}: high")
  for column in more:
    made[column] = table[column].map("{:.3f}".format)
  return made.sort_values(IMAGES).to_string(index=False)


def _ends(table: pd.DataFrame, low: str, high: str) -> pd.Series:
  return table[low].map("[{:.3f}, ".format) + table[high].map("{:.3f}]".format)


def picture(found: dict[str, pd.DataFrame]) -> bytes:
  """PNG: the AUC of every model with its interval, and that of images of every two models."""
  models = found["models"].sort_values(IMAGES, ascending=False, ignore_index=True)
  names, n = models["model"].tolist(), len(models)
  figure, (left, right) = subplots(1, 2, figsize=(8 + 0.5 * n, 2.2 + 0.36 * n), layout="constrained")
  for shift, (way, colour) in zip((0.24, 0.0, -0.24), COLOURS.items(), strict=True):
    ends = models[[f"{way}: low", f"{way}: high"]].to_numpy().T
    reach = np.abs(ends - models[way].to_numpy())
    left.errorbar(models[way], np.arange(n) + shift, xerr=reach, fmt="o", ms=4, lw=1, color=colour, label=way)
  left.axvline(0.5, color="#999999", lw=0.8)
  left.set_yticks(range(n), labels.drawable(names), fontsize=8)
  left.set(xlabel="AUC of own pairs against pairs with others; 95 % over the others", ylim=(-0.6, n - 0.4))
  left.grid(axis="x", alpha=0.3)
  left.legend(fontsize=8, loc="lower left")
  square, place = np.full((n, n), np.nan), {name: k for k, name in enumerate(names)}
  for one, two, value in found["pairs"][["model_a", "model_b", IMAGES]].itertuples(index=False):
    square[place[one], place[two]] = square[place[two], place[one]] = value
  image = right.imshow(square, vmin=0.5, vmax=1, cmap="viridis", origin="lower")
  for (row, column), value in np.ndenumerate(square):
    if not np.isnan(value):
      text = {"ha": "center", "va": "center", "fontsize": 7, "color": "white" if value < 0.8 else "black"}
      right.text(column, row, f"{100 * value:.0f}", **text)
  right.set_xticks(range(n), labels.drawable(names), rotation=90, fontsize=8)
  right.set_yticks([])
  right.set_title("images of every two models: AUC, %", fontsize=10)
  figure.colorbar(image, ax=right, fraction=0.04, pad=0.02, extend="min")
  return png(figure)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  options.add_run_or_weights(parser, "configs/model.py")
  parser.add_argument("--photos", required=True, help="folder or preset, or several with commas between")
  parser.add_argument("--without", nargs="*", default=[], metavar="MODEL", help="models that are left out")
  parser.add_argument("--most", type=int, default=20, help="images of a device")
  parser.add_argument("--draws", type=int, default=20, help="of the images, and of the patch of each")
  parser.add_argument("--seed", type=int, default=0)
  told = "models that photographed the same, instead of those of the public photographs; may be repeated"
  parser.add_argument("--control", nargs="+", action="append", metavar="MODEL", help=told)
  options.add_out(parser, "folder for the tables as CSV, and a picture", required=False)
  wanted = parser.parse_args(arguments)
  options.require_run(parser, wanted.run, "model")
  return wanted


def main(arguments: Sequence[str]) -> int:
  wanted = parsed(arguments)
  cpu.keep_memory()
  known, _ = answering.similarity(wanted.run)
  folder = outputs.Folder(wanted.out) if wanted.out else None
  images = sources.opened(wanted.photos)
  table, features, colours = embed(known, images, wanted.without)
  if table["model"].nunique() < 2:
    raise UserError(f"pairs of two camera models are needed; there are usable photographs of {set(table['model'])}")
  of_draws, ways, count = draws(known, table, features, colours, wanted)
  named = {f"control {k + 1}": own for k, own in enumerate(wanted.control)} if wanted.control else CONTROLS
  found = tables(ways, named)
  if folder:
    for name, own in found.items():
      folder.write(f"{name}.csv", spreadsheet.csv(own))
    folder.write("unseen_cameras.png", picture(found))
  console.say(shown(found) + "\n")
  console.say(f"{count} images a draw, {table['model'].nunique()} models; mean and standard deviation over draws")
  console.say(of_draws.agg(["mean", "std"]).round(3).to_string())
  return console.ANSWERED


if __name__ == "__main__":
  sys.exit(console.run(main, sys.argv[1:]))
