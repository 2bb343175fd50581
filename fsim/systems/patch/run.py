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
from fsim.metrics import naming, votes
from fsim.metrics.naming import Naming
from fsim.models.extractors import PatchNet, with_mean
from fsim.report import page
from fsim.systems import patched
from fsim.systems.augmenting import augmented
from fsim.systems.entrance import entrance
from fsim.systems.patch import namer, openset, report, strangers, svm
from fsim.systems.patch.namer import Namer
from fsim.systems.patch.openset import Evidence
from fsim.systems.patched import Part
from fsim.systems.subjects import open_subjects, split
from fsim.train import classify, mesh
from fsim.train.loop import fit
from fsim.train.mesh import Layout
from fsim.train.metrics import Diary
from fsim.train.step import State, variables

WIDTH = 128  # Values of a feature.


@entrance
def experiment(config: ConfigDict, workdir: Path) -> Path:
  """Camera model identification (Bondi et al. 2017). Returns the page of the report (on the first process)."""
  layout = mesh.layout()
  diary = Diary(workdir)
  subjects = open_subjects(config.data.source, config, workdir)
  learned = strangers.to_learn(subjects.table, config)
  sides = {name: learned.iloc[rows] for name, rows in split(learned, config, known="model").items()}
  classes = sorted(sides["train"]["model"].unique())
  subjects = augmented(subjects, sides["train"], config, workdir)
  cache = patched.open_patches(subjects, config)
  parts = {name: patched.patches_of(cache, table) for name, table in sides.items()}
  patched.require(parts, classes, "model")

  net = PatchNet(classes=len(classes), front=config.input.front, dtype=jnp.dtype(config.dtype))
  phase = learning(net, cache, parts, classes, config, layout)
  state = fit(phase, workdir, diary, layout)
  diary.close()

  see = partial(evidence, net, state, config, layout, cache)
  train, validation = see(parts["train"]), see(parts["validation"])
  own = {name: patched.places(parts[name], classes, "model") for name in parts}
  machines, setting = learn_svms(train, validation, own, parts, classes, config)
  validation = decide(machines, validation)
  clouds = openset.clouds(train.features, own["train"][parts["train"].image])
  others = patched.patches_of(cache, strangers.of(subjects.table, sides, config, config.seed))
  unseen, helps = decide(machines, see(others)), strangers.stand_ins(others.table, config.seed).to_numpy()
  stand_ins = openset.part(unseen, helps) if helps.any() else None
  rule = openset.choose(validation, own["validation"], clouds, config.unknown.rejected, stand_ins)

  test = decide(machines, see(parts["test"]))
  answers = {
    "namings": name_all(test, parts["test"], own["test"], machines, confounded(parts)),
    "voting": voting(test, own["test"], machines, config),
    "transfer": strangers.learned_later(unseen, others.table, setting, config),
    "unknown": strangers.told_apart(rule, test, unseen, others.table.assign(stand_in=helps)),
  }
  if jax.process_index() > 0:
    return workdir
  namer.save(workdir / "namer", Namer(cache.choice, net.front, variables(state), machines, rule))
  save(workdir, answers, setting)
  return page.build(workdir, report.sections)


def evidence(net: PatchNet, state: State, config: ConfigDict, layout: Layout, cache: Cache, part: Part) -> Evidence:
  """What the trained network says of the patches of a part (there may be none), without SVM decisions yet."""
  if not len(part.numbers):
    return Evidence(np.zeros((0, WIDTH)), np.zeros((0, net.classes)), np.zeros((0, 0)), part.image, 0)
  features, logits = patched.seen(net, state, config, layout, cache, part)
  return Evidence(features, logits, np.zeros((len(features), 0)), part.image, len(part.table))


def confounded(parts: dict[str, Part]) -> str:
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
  net: PatchNet, cache: Cache, parts: dict[str, Part], classes: list[str], config: ConfigDict, layout: Layout
) -> classify.Phase:
  """The phase that trains the network; one that is shown RGB has the mean of the training patches in its state."""
  phase = patched.classify_patches(net, cache, parts, classes, "model", config, layout)
  if net.front != "rgb":
    return phase
  mean = cache.mean(parts["train"].numbers)
  return phase._replace(init=lambda: with_mean(phase.init(), mean))


def learn_svms(
  train: Evidence,
  validation: Evidence,
  own: dict[str, Int[np.ndarray, " m"]],
  parts: dict[str, Part],
  classes: list[str],
  config: ConfigDict,
) -> tuple[svm.Svms, svm.Chosen]:
  """C and standardisation on validation patches, then all training patches."""
  labels, theirs = own["train"][parts["train"].image], own["validation"][parts["validation"].image]
  some = svm.balanced_sample(labels, config.svm.sample, config.seed)
  setting = svm.choose((train.features[some], labels[some]), (validation.features, theirs), config.svm.c)
  return svm.fit(train.features, labels, classes, setting.c, setting.standardised), setting


def decide(machines: svm.Svms, seen: Evidence) -> Evidence:
  return seen._replace(decided=svm.decisions(machines, seen.features))


def name_all(test: Evidence, part: Part, own: Int[np.ndarray, " m"], machines: svm.Svms, remark: str) -> list[Naming]:
  """Images by votes, and patches alone, by SVMs and by the network's softmax. The remark goes with every note."""
  duels = svm.scores(machines, test.decided)
  probabilities = votes.softmax(test.logits)
  images, alone = part.table, part.table.iloc[part.image]
  voted = votes.count(votes.majority(duels), test.image, test.images)
  averaged = votes.count(probabilities, test.image, test.images)
  left = f" {part.silent} test images have no usable patch and are left out." if part.silent else ""
  classes = machines.classes
  sets = [
    ("images, majority of SVMs", "Each patch votes for the model that wins most duels.", images, voted, own),
    ("images, mean softmax", "The network's probabilities, averaged over patches.", images, averaged, own),
    ("patches, SVMs", "Each patch alone, by SVMs.", alone, duels, own[part.image]),
    ("patches, softmax", "Each patch alone, by the network.", alone, probabilities, own[part.image]),
  ]
  return [
    Naming(name, note + left + remark, name.split(",")[0], classes, naming.answers(table, scores, truth, classes))
    for name, note, table, scores, truth in sets
  ]


def voting(test: Evidence, own: Int[np.ndarray, " m"], machines: svm.Svms, config: ConfigDict) -> pd.DataFrame:
  ballots = {
    "majority of SVMs": votes.majority(svm.scores(machines, test.decided)),
    "mean softmax": votes.softmax(test.logits),
  }
  return votes.curve(ballots, test.image, own, config.input.count, config.evaluate.draws, config.seed)


def save(workdir: Path, answers: dict, setting: svm.Chosen) -> None:
  naming.save(workdir, answers["namings"])
  answers["voting"].to_csv(workdir / "voting.csv", index=False)
  answers["transfer"].to_csv(workdir / "transfer.csv", index=False)
  (workdir / "unknown.json").write_text(json.dumps(answers["unknown"], indent=1))
  (workdir / "svm.json").write_text(json.dumps(setting._asdict(), indent=1))
