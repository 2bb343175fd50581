"""Makes the calibration of `fsim compare` from virtual devices and opencams/train, and checks it on devices never used.

  python -m benchmarks.calibrated SCORES --out=FILE.json [--check=realcams] [--times=K] [--again]

SCORES has a folder a set (benchmarks.calibrated_scores; all commands: docs/compare.md). Every fifth virtual model is
never learned from and is the first check. A real device counts as K virtual ones; K is chosen by what is printed of the
devices of opencams/train that were left out. Give opencams/dev to --check once, at the very end: docs/opencams.md
counts the looks. Figures are means over devices and pairs of devices, with 95 % intervals over devices drawn again.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.calibrated_scores import load
from fsim import weights
from fsim.boundary import outputs
from fsim.evidence import calibration, learning, saved
from fsim.evidence.calibration import HYPOTHESES, Calibration, Trials
from fsim.evidence.fitting import Truths
from fsim.evidence.learning import Data, Learned
from fsim.metrics import likelihood_ratios, rates
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE

REAL = "train"  # The set of real devices that are learned from.
TIMES = 7.0  # How many virtual devices a real one counts as.
NEVER = 5  # One of so many virtual models is never learned from.
DRAWS = 500
OTHERS = 40  # Comparisons of two devices that are kept of a questioned photograph and number of references, at most.
KINDS = {1: "image pairs", 2: "2 references", 5: "5 references", 10: "10 references"}


def joined(sets: Mapping[str, Data]) -> Data:
  """One after the other, devices named SET/DEVICE."""
  devices: list[str] = []
  models, truths, trials, references = [], [], [], []
  for name, own in sets.items():
    first = max((int(m.max()) + 1 for m in models), default=0)
    truths.append(own.truths._replace(questioned=own.truths.questioned + len(devices)))
    truths[-1] = truths[-1]._replace(candidate=own.truths.candidate + len(devices))
    trials.append(own.trials._replace(which=own.trials.which + len(references)))
    models.append(own.models + first)
    references += own.trials.references
    devices += [f"{name}/{device}" for device in own.devices]
  plain = [name for name in Trials._fields if name != "references"]
  together = {name: np.concatenate([getattr(one, name) for one in trials]) for name in plain}
  return Data(
    Trials(**together, references=references),
    Truths(*(np.concatenate(values) for values in zip(*truths, strict=True))),
    devices,
    np.concatenate(models),
  )


def some(data: Data, chosen: np.ndarray) -> Data:
  return data._replace(trials=data.trials.some(chosen), truths=data.truths.some(chosen))


def counted(data: Data, times: float) -> Data:
  return data._replace(truths=data.truths._replace(times=np.full(len(data.trials.z), times)))


def divided(data: Data) -> tuple[Data, Data]:
  """Comparisons of models that are learned from, and of those that never are; those of one of each are in neither."""
  never = data.models % NEVER == 0
  a, b = never[data.truths.questioned], never[data.truths.candidate]
  return some(data, ~a & ~b), some(data, a & b)


def counts_of(trials: Trials) -> np.ndarray:
  return np.array([len(one.features) for one in trials.references])[trials.which]


def drawn(truths: Truths, seed: int = 0) -> Iterator[np.ndarray]:
  """Weights of the comparisons: as they are, then with devices drawn again."""
  weights = truths.weights()
  yield weights
  present, place = np.unique([truths.questioned, truths.candidate], return_inverse=True)
  questioned, candidate = place.reshape(2, -1)
  own = truths.hypothesis == SAME_DEVICE
  for times in rates.redrawn(len(present), DRAWS, seed):
    again = weights * times[questioned] * np.where(own, 1, times[candidate])
    if (again * own).any() and (again * ~own).any():
      yield again


def line(name: str, made: Calibration, data: Data, hypothesis: str) -> dict[str, object] | None:
  """One line of the table: costs with intervals, and what misleads most."""
  chosen = np.isin(data.truths.hypothesis, (SAME_DEVICE, hypothesis))
  trials, truths = data.trials.some(chosen), data.truths.some(chosen)
  same = truths.hypothesis == SAME_DEVICE
  if same.all() or not same.any():
    return None
  ratios = calibration.ratios(made, trials, hypothesis)
  found = {"data": name, "H2": hypothesis} | costs(np.array([ratio.log10 for ratio in ratios if ratio]), truths)
  missed = calibration.missed(made, trials.some(same), hypothesis)
  return found | {"as expected": round(float(missed.mean()), 3)}


def costs(log10: np.ndarray, truths: Truths) -> dict[str, object]:
  same = truths.hypothesis == SAME_DEVICE
  measures = {
    "Cllr": likelihood_ratios.cllr,
    "Cllr_min": likelihood_ratios.cllr_min,
    "Cllr_cal": likelihood_ratios.cllr_cal,
  }
  values = {what: [f(log10, same, weight) for weight in drawn(truths)] for what, f in measures.items()}
  found: dict[str, object] = {"devices": len(np.unique(truths.candidate[same]))}
  for what, each in values.items():
    low, high = np.quantile(each[1:], (0.025, 0.975))
    found[what] = f"{each[0]:.3f} [{low:.3f}, {high:.3f}]"
  found["one device"], found["two devices"] = int(same.sum()), int((~same).sum())
  found["above 100"] = int((log10[~same] > 2).sum())
  found["largest"] = round(float(10 ** log10[~same].max()), 1)
  found["one device, no more than 1"] = round(float((log10[same] <= 0).mean()), 3)
  return found


def left_out(name: str, learned: Learned, prefix: str) -> dict[str, object]:
  """As a line of the table, of devices of a set that the calibrations of the folds had not seen."""
  data, log10 = learned.data, learned.log10[OTHER_MODEL]
  of_set = np.char.startswith(data.devices, prefix)
  own = np.isin(data.truths.hypothesis, (SAME_DEVICE, OTHER_MODEL)) & ~np.isnan(log10)
  own &= of_set[data.truths.questioned] & of_set[data.truths.candidate]
  return {"data": name, "H2": OTHER_MODEL} | costs(log10[own], data.truths.some(own))


def fusion(name: str, made: Calibration, data: Data) -> pd.DataFrame:
  """With the similarity and without it, of comparisons that have it."""
  own = some(data, ~np.isnan(data.trials.similarity))
  parts = {"all": np.ones(len(own.trials.z), bool), "5 or more": counts_of(own.trials) >= 5}
  lines = []
  for words, part in parts.items():
    for told, one in (("noise alone", made._replace(fused=None)), ("and similarity", made)):
      lines.append(line(f"{name}, {words}, {told}", one, some(own, part), OTHER_MODEL))
  return pd.DataFrame([found for found in lines if found])


def table(name: str, made: Calibration, data: Data) -> pd.DataFrame:
  """All comparisons, and by number of references."""
  count = counts_of(data.trials)
  parts = {"all": np.ones(len(count), bool), "5 or more": count >= 5}
  parts |= {words: count == number for number, words in KINDS.items()}
  lines = [line(f"{name}, {words}", made, some(data, part), h) for h in HYPOTHESES for words, part in parts.items()]
  return pd.DataFrame([one for one in lines if one])


def thinned(data: Data) -> Data:
  """All comparisons of one device and of one model, and OTHERS of each candidate with other models, by lot."""
  rng = np.random.default_rng(0)
  keep = data.truths.hypothesis != OTHER_MODEL
  place = rng.permutation(np.flatnonzero(~keep))
  order = pd.Series(data.trials.which[place]).groupby(data.trials.which[place]).cumcount().to_numpy()
  keep[place[order < OTHERS]] = True
  return some(data, keep)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("scores", type=Path)
  parser.add_argument("--learn", default=f"similarity,unlearned,{REAL}")
  parser.add_argument("--check", default="realcams")
  parser.add_argument("--times", type=float, default=TIMES, metavar="K")
  parser.add_argument("--out", type=Path, required=True)
  parser.add_argument("--again", action="store_true", help="read the calibration and check it, learn nothing")
  chosen = parser.parse_args()
  read = {name: learning.data_of(load(chosen.scores / name)) for name in chosen.learn.split(",")}
  never = {}
  for name in read:
    if name == REAL:
      read[name] = counted(read[name], chosen.times)
    else:
      read[name], never[f"{name}, never used"] = divided(read[name])
  pd.set_option("display.width", 250, "display.max_columns", 20, "display.max_colwidth", 60)
  if not chosen.again:
    command = f"python -m benchmarks.calibrated SCORES --learn={chosen.learn} --times={chosen.times:g}"
    digest = weights.default("compare").description.sha256
    learned = learning.learn(thinned(joined(read)), chosen.out.stem, command, list(read), digest)
    outputs.replace(chosen.out, saved.to_bytes(learned.calibration))
    print(pd.DataFrame([left_out(f"{name}, left out", learned, f"{name}/") for name in read]).to_string(index=False))
  made = saved.load(chosen.out)
  print(made.predictor, made.spread, dict(made.unrelated), dict(made.lines), made.fused, made.card["figures"], sep="\n")
  never |= {name: learning.data_of(load(chosen.scores / name)) for name in chosen.check.split(",") if name}
  for name, data in never.items():
    print(table(name, made, data).to_string(index=False), flush=True)
    if made.fused and not np.isnan(data.trials.similarity).all():
      print(fusion(name, made, data).to_string(index=False), flush=True)


if __name__ == "__main__":
  main()
