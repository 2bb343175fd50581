"""python -m benchmarks.transfer --photos FOLDER [FOLDER ...] [--run=DIR] [--beside DIR ...] [--images 10] [--models 10]

Models that no network has learned, named after a few photographs of each (Bondi et al. 2017, figure 4). In every draw
some models are chosen, and of each some of its scenes, with so many images; linear support vector machines learn from
these, one for every two models, as `fsim identify --cameras` has them, and name the images of the other scenes by the
majority of their patches. Runs of configs/model.py and configs/patch.py serve, and the network published with the
paper (`fsim caffe`); those of --beside are judged on the same draws. Without --run the weights that came with fsim are.
Images count that every network can judge.

Models count equally; "images alike" is the share of all images that are judged. Intervals (95 %) are over models, which
are drawn anew with what was found of each; tables by model come before the closing lines, and as CSV with --out.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from benchmarks.public_cameras import OTHER_NAMES
from fsim import cpu
from fsim.boundary import console, labels, outputs, progress, spreadsheet
from fsim.boundary.drawing import png, subplots
from fsim.boundary.errors import UserError
from fsim.commands import gathering, options
from fsim.commands.gathering import Source
from fsim.data import jpeg, sources
from fsim.data.source import Images
from fsim.metrics import rates, votes
from fsim.systems import duels, svm
from fsim.systems.duels import Known
from fsim.systems.enrolment import MIN_PATCHES

JUDGED = 2  # Images of a model in other scenes, at least.
RESAMPLES = 1000
ENDS = (0.025, 0.975)
SHIPPED = "weights of fsim"
MEASURES = ("patches", "images")

Features = list[Float[np.ndarray, "p d"]]


class Side(NamedTuple):
  """Rows of a table of images: those that are learned from, those that are judged, and their models."""

  learned: Int[np.ndarray, " m"]
  judged: Int[np.ndarray, " n"]
  models: list[str]


def serves(scenes: Sequence[str], images: int) -> bool:
  """Whether some of the scenes, whole, have so many images and leave JUDGED or more."""
  counts = pd.Series(scenes).value_counts()
  sums = {0}
  for count in counts:
    sums |= {total + int(count) for total in sums}
  return any(images <= total <= len(scenes) - JUDGED for total in sums)


def candidates(table: pd.DataFrame, images: int) -> list[str]:
  """Models with scenes enough; images whose scene is not known serve for nothing."""
  named = table[table["scene"] != ""]
  return sorted(model for model, own in named.groupby("model") if serves(own["scene"].tolist(), images))


def divide(table: pd.DataFrame, model: str, images: int, most: int, rng: np.random.Generator) -> tuple[list, list]:
  """Rows of `images` images to learn from, and of at most `most` in other scenes, by lot."""
  rows = table.index[(table["model"] == model) & (table["scene"] != "")].to_numpy()
  scene = table["scene"][rows].to_numpy()
  while True:  # Of the orders of its scenes some serve, as it is a candidate.
    order = rng.permutation(np.unique(scene))
    before = np.cumsum([(scene == one).sum() for one in order])
    first = order[: int(np.searchsorted(before, images)) + 1]
    own = np.isin(scene, first)
    if own.sum() >= images and (~own).sum() >= JUDGED:
      return rng.permutation(rows[own])[:images].tolist(), rng.permutation(rows[~own])[:most].tolist()


def draw(table: pd.DataFrame, models: Sequence[str], settings: argparse.Namespace, number: int) -> Side:
  """Number k is fixed by the seed and k."""
  rng = np.random.default_rng((settings.seed, number))
  chosen = sorted(rng.permutation(models)[: settings.models].tolist())
  parts = [divide(table, model, settings.images, settings.most, rng) for model in chosen]
  learned, judged = (np.concatenate(side).astype(int) for side in zip(*parts, strict=True))
  return Side(learned, judged, chosen)


def named(features: Features, table: pd.DataFrame, side: Side) -> pd.DataFrame:
  """A row an image that is judged: model, image (the answer), patches (share that is right)."""
  code = {model: k for k, model in enumerate(side.models)}
  camera = np.array([code[model] for model in table["model"][side.learned]])
  whose = np.repeat(np.arange(len(camera)), [len(features[row]) for row in side.learned])
  known = Known(np.concatenate([features[row] for row in side.learned]), whose, camera, camera, side.models)
  machines = duels.fit(known)
  decided = svm.decisions(machines, np.concatenate([features[row] for row in side.judged]))
  ballots = duels.among(machines, np.arange(len(code)), decided)
  image = np.repeat(np.arange(len(side.judged)), [len(features[row]) for row in side.judged])
  truth = np.array([code[model] for model in table["model"][side.judged]])
  answer = votes.count(ballots, image, len(truth)).argmax(1)
  right = np.bincount(image, ballots.argmax(1) == truth[image]) / np.bincount(image)
  return pd.DataFrame(
    {
      "file": table["file"][side.judged].to_numpy(),
      "model": table["model"][side.judged].to_numpy(),
      "answer": [side.models[k] for k in answer],
      "patches": right,
      "images": (answer == truth).astype(float),
    }
  )


def embedded(networks: dict[str, Source], images: Images, rows: Int[np.ndarray, " m"]) -> dict[str, Features]:
  """Features of images by each network; those of one with fewer than MIN_PATCHES patches have no rows."""
  found = {name: [] for name in networks}
  for row in progress.bar(rows.tolist(), desc="features", unit="image"):
    pixels = jpeg.decode(images.records[row])
    for name, seen in networks.items():
      features = gathering.features_of(pixels, seen)
      found[name].append(features if len(features) >= MIN_PATCHES else features[:0])
  return found


def by_model(answers: pd.DataFrame) -> pd.DataFrame:
  """A row a network and model: over all draws, the shares that are right and what it is most often taken for."""
  rows = []
  for (network, model), own in answers.groupby(["network", "model"], sort=False):
    wrong = own.loc[own["answer"] != model, "answer"].value_counts()
    most = f"{wrong.index[0]} ({wrong.iloc[0] / len(own):.0%})" if len(wrong) else ""
    drawn = own["draw"].nunique()
    row = {"network": network, "model": model, "draws": drawn, "judged": len(own) / drawn}
    rows.append(row | own[list(MEASURES)].mean().to_dict() | {"taken_for": most})
  return pd.DataFrame(rows)


def summary(answers: pd.DataFrame) -> pd.DataFrame:
  """A row a network: mean and deviation over draws, models counting equally in each, and intervals over models."""
  rows = []
  for network, own in answers.groupby("network", sort=False):
    of_draw = own.groupby(["draw", "model"])[list(MEASURES)].mean().groupby("draw").mean()
    row = {"network": network}
    for name in MEASURES:
      low, high = interval(own, name)
      row |= {name: of_draw[name].mean(), f"{name}_std": of_draw[name].std()}
      row |= {f"{name}_low": low, f"{name}_high": high}
    rows.append(row | {"images_alike": own.groupby("draw")["images"].mean().mean()})
  return pd.DataFrame(rows)


def interval(own: pd.DataFrame, measure: str) -> tuple[float, float]:
  """95 % of what would be had if other models like these had been there."""
  values = own.groupby(["model", "draw"])[measure].mean().groupby("model").mean().to_numpy()
  drawn = [times @ values / times.sum() for times in rates.redrawn(len(values), RESAMPLES, 0)]
  return tuple(np.quantile(drawn, ENDS).tolist())


def shown(found: pd.DataFrame) -> str:
  """The table of models, and the closing lines."""
  made = found[["network"]].copy()
  for name in MEASURES:
    value, spread, low, high = (found[name + end] for end in ("", "_std", "_low", "_high"))
    made[name] = value.map("{:.3f}".format) + spread.map(" ± {:.3f}".format)
    made[name] += low.map(" [{:.3f}, ".format) + high.map("{:.3f}]".format)
  made["images alike"] = found["images_alike"].map("{:.3f}".format)
  return made.to_string(index=False)


def picture(answers: pd.DataFrame) -> bytes:
  """PNG: of each network, what the images of every model are taken for, in percent."""
  names, networks = sorted(set(answers["model"])), list(dict.fromkeys(answers["network"]))
  side = 1.5 + 0.42 * len(names)
  figure, panels = subplots(
    1, len(networks), figsize=(2.4 + side * len(networks), 1.6 + side), layout="constrained", squeeze=False
  )
  for axes, network in zip(panels[0], networks, strict=True):
    own = answers[answers["network"] == network]
    share = pd.crosstab(own["model"], own["answer"], normalize="index").reindex(index=names, columns=names).fillna(0)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(share.to_numpy()):
      if value >= 0.005:
        colour = "white" if value > 0.6 else "black"
        axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(names)), labels.drawable(names), rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), labels.drawable(names) if axes is panels[0][0] else [], fontsize=8)
    axes.set_title(f"{network}: images, %", fontsize=9)
  figure.supxlabel("named", fontsize=9)
  return png(figure)


def wanted_rows(images: Images, without: Sequence[str]) -> Int[np.ndarray, " m"]:
  """Natural originals of known scenes. Raises UserError for the name of a model that is not there."""
  table = images.table
  unknown = sorted(set(without) - set(table["model"]))
  if unknown:
    raise UserError(f"there is no model {', '.join(unknown)}; there are {', '.join(sorted(set(table['model'])))}")
  own = (table["subset"] == "natural") & (table["platform"] == "") & (table["scene"] != "")
  return np.flatnonzero(own & ~table["model"].isin(without))


def networks(settings: argparse.Namespace) -> dict[str, Source]:
  """By the names of their folders; those without features, and of one name, are refused."""
  found = {SHIPPED if settings.run is None else str(settings.run): gathering.source(settings.run)}
  return found | {str(run): gathering.source(run) for run in settings.beside}


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  options.add_run_or_weights(parser, "configs/model.py or configs/patch.py")
  told = "other runs, or what `fsim caffe` made, judged on the same draws"
  parser.add_argument("--beside", nargs="*", type=console.path, default=[], metavar="DIR", help=told)
  parser.add_argument("--photos", nargs="+", required=True, metavar="FOLDER", help="photographs with known scenes")
  parser.add_argument("--without", nargs="*", default=[], metavar="MODEL", help="models that are left out")
  parser.add_argument("--images", type=int, default=10, help="of a model to learn from")
  parser.add_argument("--models", type=int, default=10, help="in a draw, by lot; all where there are fewer")
  parser.add_argument("--most", type=int, default=20, help="images of a model that are judged")
  parser.add_argument("--draws", type=int, default=20)
  parser.add_argument("--seed", type=int, default=0)
  options.add_out(parser, "folder for the answers and tables as CSV, and a picture", required=False)
  chosen = parser.parse_args(arguments)
  options.require_run(parser, chosen.run, "model")
  return chosen


def judged(found: dict[str, Features], table: pd.DataFrame, settings: argparse.Namespace) -> pd.DataFrame:
  """The answers of all draws by all networks. Raises UserError where fewer than two models have scenes enough."""
  models = candidates(table, settings.images)
  if len(models) < 2:
    cause = f"{settings.images} usable images of some scenes and {JUDGED} of others"
    raise UserError(f"two models are needed with {cause}; there are {', '.join(models) or 'none'}")
  parts = []
  for number in progress.bar(range(settings.draws), desc="draws", unit="draw"):
    side = draw(table, models, settings, number)
    parts += [
      named(features, table, side).assign(network=name, draw=number).reset_index(drop=True)
      for name, features in found.items()
    ]
  return pd.concat(parts, ignore_index=True)


def main(arguments: Sequence[str]) -> int:
  settings = parsed(arguments)
  cpu.keep_memory()
  seen = networks(settings)
  folder = outputs.Folder(settings.out) if settings.out else None
  images = sources.opened(",".join(settings.photos))
  rows = wanted_rows(images, settings.without)
  found = embedded(seen, images, rows)
  usable = [k for k in range(len(rows)) if all(len(features[k]) for features in found.values())]
  table = images.table.iloc[rows[usable]].reset_index(drop=True)
  table["model"] = table["model"].replace(OTHER_NAMES)
  found = {name: [features[k] for k in usable] for name, features in found.items()}
  answers = judged(found, table, settings)
  models, whole = by_model(answers), summary(answers)
  if folder:
    for name, own in {"answers": answers, "models": models, "overall": whole}.items():
      folder.write(f"{name}.csv", spreadsheet.csv(own))
    folder.write("transfer.png", picture(answers))
  for network, own in models.groupby("network", sort=False):
    console.say(f"{network}, by model over all draws")
    console.say(own.drop(columns="network").sort_values("images").round(3).to_string(index=False) + "\n")
  count = answers["model"].nunique()
  told = f"{min(settings.models, count)} of {count} models a draw, {settings.images} images of each learned from"
  console.say(f"{told}; mean and standard deviation over {settings.draws} draws, 95 % over models")
  console.say(shown(whole))
  return console.ANSWERED


if __name__ == "__main__":
  sys.exit(console.run(main, sys.argv[1:]))
