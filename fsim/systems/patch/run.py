"""Camera models from patches (Bondi et al. 2017): the phases of a run in order."""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Int
from ml_collections import ConfigDict

from fsim.data.patches import Cache
from fsim.metrics import classification, votes
from fsim.metrics.classification import Classification
from fsim.models.extractors import PatchNet, with_mean
from fsim.report import page
from fsim.systems import patch_dataset, svm
from fsim.systems.augmenting import augmented
from fsim.systems.dataset import open_dataset, split
from fsim.systems.entrance import entrance
from fsim.systems.patch import fitted, openset, report, unknown_models
from fsim.systems.patch.fitted import FittedClassifier
from fsim.systems.patch.openset import PatchOutputs
from fsim.systems.patch_dataset import PatchSet
from fsim.train import classify, schedule
from fsim.train.context import Context
from fsim.train.loop import fit
from fsim.train.schedule import Schedule
from fsim.train.step import State, variables

WIDTH = 128  # Values of a feature.


@entrance
def experiment(config: ConfigDict, context: Context) -> Path:
  """Camera model identification (Bondi et al. 2017). Returns the page of the report (on the first process)."""
  dataset = open_dataset(config.data.source, config, context.workdir)
  learned = unknown_models.to_learn(dataset.table, config)
  sides = {name: learned.iloc[rows] for name, rows in split(learned, config, known="model").items()}
  classes = sorted(sides["train"]["model"].unique())
  dataset = augmented(dataset, sides["train"], config, context.workdir)
  cache = patch_dataset.open_patches(dataset, config)
  parts = {name: patch_dataset.patches_of(cache, table) for name, table in sides.items()}
  patch_dataset.require(parts, classes, "model")

  net = PatchNet(classes=len(classes), front=config.input.front, dtype=jnp.dtype(config.dtype))
  training = schedule.of(config.extractor)
  state = fit(learning(net, cache, parts, classes, training, context), context)

  see = partial(outputs_of, net, state, training.batch, context, cache)
  train, validation = see(parts["train"]), see(parts["validation"])
  own = {name: patch_dataset.places(parts[name], classes, "model") for name in parts}
  machines, setting = learn_svms(train, validation, own, parts, classes, config)
  validation = decide(machines, validation)
  gaussians = openset.class_gaussians(train.features, own["train"][parts["train"].image])
  others = patch_dataset.patches_of(cache, unknown_models.of(dataset.table, sides, config, config.seed))
  unseen, helps = (
    decide(machines, see(others)),
    unknown_models.validation_unknowns(others.table, config.seed).to_numpy(),
  )
  validation_unknowns = openset.part(unseen, helps) if helps.any() else None
  rule = openset.choose(validation, own["validation"], gaussians, config.unknown.rejected, validation_unknowns)

  test = decide(machines, see(parts["test"]))
  answers = {
    "classifications": classify_all(test, parts["test"], own["test"], machines, confounded(parts)),
    "voting": voting(test, own["test"], machines, config),
    "transfer": unknown_models.learned_later(unseen, others.table, setting, config),
    "unknown": unknown_models.open_set_rates(rule, test, unseen, others.table.assign(validates=helps)),
  }
  if jax.process_index() > 0:
    return context.workdir
  fitted.save(
    context.workdir / "predictor",
    FittedClassifier(cache.choice, net.front, config.dtype, variables(state), machines, rule),
  )
  save(context.workdir, answers, setting)
  return page.build(context.workdir, report.sections)


def outputs_of(net: PatchNet, state: State, batch: int, context: Context, cache: Cache, part: PatchSet) -> PatchOutputs:
  """What the trained network says of the patches of a part (there may be none), without SVM decisions yet."""
  if not len(part.numbers):
    return PatchOutputs(np.zeros((0, WIDTH)), np.zeros((0, net.classes)), np.zeros((0, 0)), part.image, 0)
  features, logits = patch_dataset.seen(net, state, batch, context, cache, part)
  return PatchOutputs(features, logits, np.zeros((len(features), 0)), part.image, len(part.table))


def confounded(parts: dict[str, PatchSet]) -> str:
  """Says where a tested device was trained on: there, it is not known whether the model is named or the device."""
  test, known = parts["test"].table, set(parts["train"].table["device"])
  models = test.groupby("model")["device"].agg(lambda devices: bool(set(devices) & known))
  if not models.any():
    return ""
  return (
    f" For {models.sum()} of {len(models)} models a tested device was also trained on, in other images: whether the "
    "model, the device or what it usually photographs was recognised cannot be said."
  )


def learning(
  net: PatchNet,
  cache: Cache,
  parts: dict[str, PatchSet],
  classes: list[str],
  training: Schedule,
  context: Context,
) -> classify.Phase:
  """The phase that trains the network; one that is shown RGB has the mean of the training patches in its state."""
  phase = patch_dataset.classify_patches(net, cache, parts, classes, "model", training, context)
  if net.front != "rgb":
    return phase
  mean = cache.mean(parts["train"].numbers)
  return phase._replace(init=lambda: with_mean(phase.init(), mean))


def learn_svms(
  train: PatchOutputs,
  validation: PatchOutputs,
  own: dict[str, Int[np.ndarray, " m"]],
  parts: dict[str, PatchSet],
  classes: list[str],
  config: ConfigDict,
) -> tuple[svm.Svms, svm.Chosen]:
  """C and standardisation on validation patches, then all training patches."""
  labels, theirs = own["train"][parts["train"].image], own["validation"][parts["validation"].image]
  some = svm.balanced_sample(labels, config.svm.sample, config.seed)
  setting = svm.choose((train.features[some], labels[some]), (validation.features, theirs), config.svm.c)
  return svm.fit(train.features, labels, classes, setting.c, setting.standardised), setting


def decide(machines: svm.Svms, seen: PatchOutputs) -> PatchOutputs:
  return seen._replace(decided=svm.decisions(machines, seen.features))


def classify_all(
  test: PatchOutputs, part: PatchSet, own: Int[np.ndarray, " m"], machines: svm.Svms, remark: str
) -> list[Classification]:
  """Images by votes, and patches alone, by SVMs and by the network's softmax. The remark goes with every note."""
  one_vs_one = svm.scores(machines, test.decided)
  probabilities = votes.softmax(test.logits)
  images, alone = part.table, part.table.iloc[part.image]
  voted = votes.count(votes.majority(one_vs_one), test.image, test.images)
  averaged = votes.count(probabilities, test.image, test.images)
  left = f" {part.n_unusable} test images have no usable patch and are left out." if part.n_unusable else ""
  classes = machines.classes
  sets = [
    (
      "images, majority of SVMs",
      "Each patch votes for the model that wins most one-vs-one decisions.",
      images,
      voted,
      own,
    ),
    ("images, mean softmax", "The network's probabilities, averaged over patches.", images, averaged, own),
    ("patches, SVMs", "Each patch alone, by SVMs.", alone, one_vs_one, own[part.image]),
    ("patches, softmax", "Each patch alone, by the network.", alone, probabilities, own[part.image]),
  ]
  return [
    Classification(
      name, note + left + remark, name.split(",")[0], classes, classification.answers(table, scores, truth, classes)
    )
    for name, note, table, scores, truth in sets
  ]


def voting(test: PatchOutputs, own: Int[np.ndarray, " m"], machines: svm.Svms, config: ConfigDict) -> pd.DataFrame:
  ballots = {
    "majority of SVMs": votes.majority(svm.scores(machines, test.decided)),
    "mean softmax": votes.softmax(test.logits),
  }
  return votes.curve(ballots, test.image, own, config.input.count, config.evaluate.draws, config.seed)


def save(workdir: Path, answers: dict, setting: svm.Chosen) -> None:
  classification.save(workdir, answers["classifications"])
  answers["voting"].to_csv(workdir / "voting.csv", index=False)
  answers["transfer"].to_csv(workdir / "transfer.csv", index=False)
  (workdir / "unknown.json").write_text(json.dumps(answers["unknown"], indent=1))
  (workdir / "svm.json").write_text(json.dumps(setting._asdict(), indent=1))
