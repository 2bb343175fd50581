"""Everything that is needed to name the camera model of an image: network, SVMs, open-set rule, patches.

Shapes: p patches, s pixels a side, c classes.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int, UInt8

from fsim import cpu
from fsim.boundary import arrays, console, fields, inputs, outputs
from fsim.boundary.inputs import Unreadable
from fsim.data import patches
from fsim.data.patches import CHOICES, Choice
from fsim.metrics import votes
from fsim.models import saved
from fsim.models.extractors import FRONTS, PATCH_SIDE, PatchNet
from fsim.systems import predictor, svm
from fsim.systems.patch import openset
from fsim.systems.patch.openset import PatchOutputs, Rule
from fsim.systems.svm import Svms

BATCH = 128
MIN_PATCHES = 4  # Patches without which an image is not spoken about.
NONE, SILENT = "none of these", "no statement"
MANY = 10_000  # More patches an image, or bytes of input.json, than any run has.
INPUT = {  # What the fields of input.json may be.
  "choice": fields.OBJECT,
  "front": fields.one_of(FRONTS),
  "dtype": fields.one_of(predictor.DTYPES),
}
CHOICE = {  # What the fields of a choice may be.
  "size": fields.whole(PATCH_SIDE, PATCH_SIDE),
  "stride": fields.whole(1, MANY),
  "count": fields.whole(1, MANY),
  "rule": fields.one_of(CHOICES),
  "saturated": fields.number(0, 1),
  "entropy": fields.number(0, 10),
}


class FittedClassifier(NamedTuple):
  """`variables` are those of a PatchNet with this front; they may also come from elsewhere (fsim/models/caffe.py).

  dtype: of the network's arithmetic, one of `predictor.DTYPES`.
  """

  choice: Choice
  front: str
  dtype: str
  variables: dict[str, Any]
  svms: Svms
  rule: Rule


class Verdict(NamedTuple):
  """What is said of an image.

  answer: a model, NONE or SILENT. model: the likeliest of the learned ones, whatever the answer; "" if silent.
  votes: number of patches for each model that has any, most first. margin: share of the votes for the first less that
  for the second. score, threshold: below the threshold the answer is NONE; None if silent.
  """

  answer: str
  model: str
  patches: int
  votes: dict[str, int]
  margin: float
  score: float | None
  threshold: float


def outputs_of(fitted: FittedClassifier, pixels: UInt8[np.ndarray, "p s s 3"]) -> PatchOutputs:
  """Of the patches of one image. Raises UserError where it is no finite numbers."""
  forward = _forward(network(fitted))
  parts = []
  for first in range(0, len(pixels), BATCH):
    some = pixels[first : first + BATCH]
    parts.append([np.asarray(out)[: len(some)] for out in forward(fitted.variables, arrays.filled(some, BATCH))])
  features, logits = (np.concatenate(part) for part in zip(*parts, strict=True))
  predictor.require_sane(features, logits)
  return PatchOutputs(features, logits, svm.decisions(fitted.svms, features), np.zeros(len(pixels), int), 1)


def name(fitted: FittedClassifier, image: UInt8[np.ndarray, "h w 3"]) -> Verdict:
  """By the majority of the chosen patches."""
  chosen = patches.cut(image, patches.choose(image, fitted.choice), fitted.choice.size)
  if len(chosen) < MIN_PATCHES:
    return Verdict(SILENT, "", len(chosen), {}, 0.0, None, fitted.rule.threshold)
  seen = outputs_of(fitted, chosen)
  scores = svm.scores(fitted.svms, seen.decided)
  order = votes.count(votes.majority(scores), seen.image, 1)[0].argsort()[::-1]
  cast = np.bincount(scores.argmax(1), minlength=len(fitted.svms.classes))
  model = fitted.svms.classes[order[0]]
  score = float(openset.score(fitted.rule, seen)[0])
  return Verdict(
    answer=model if score >= fitted.rule.threshold else NONE,
    model=model,
    patches=len(chosen),
    votes={fitted.svms.classes[k]: int(cast[k]) for k in order if cast[k]},
    margin=float(cast[order[0]] - cast[order[1]]) / len(chosen),
    score=score,
    threshold=fitted.rule.threshold,
  )


def blocks(fitted: FittedClassifier, image: UInt8[np.ndarray, "h w 3"]) -> Int[np.ndarray, "r q"]:
  """The class of every patch of the grid, alone (Bondi et al. 2017, figure 5); -1 where the patch is unusable."""
  return patches.over_grid(
    image, fitted.choice, lambda pixels: svm.scores(fitted.svms, outputs_of(fitted, pixels).decided).argmax(1)
  )


def save(folder: Path, fitted: FittedClassifier) -> None:
  """Arrays and JSON: nothing that runs when it is read."""
  folder.mkdir(parents=True, exist_ok=True)
  saved.save(folder / "network.npz", fitted.variables)
  svm.save(folder / "svms.npz", fitted.svms)
  openset.save(folder / "unknown.npz", fitted.rule)
  shown = {"choice": fitted.choice._asdict(), "front": fitted.front, "dtype": fitted.dtype}
  outputs.replace(folder / "input.json", console.to_json(shown).encode())


def load(folder: Path) -> FittedClassifier:
  """Raises Unreadable for the first file that is not as `save` writes it, or does not go with the others."""
  path = folder / "input.json"
  shown = inputs.read_json(path, limit=MANY)
  fields.require(path, shown, INPUT)
  fields.require(path, shown["choice"], CHOICE, inside="choice.")
  machines, rule = svm.load(folder / "svms.npz"), openset.load(folder / "unknown.npz")
  patch = jnp.zeros((1, PATCH_SIDE, PATCH_SIDE, 3), jnp.uint8)
  known = FittedClassifier(Choice(**shown["choice"]), shown["front"], shown["dtype"], {}, machines, rule)
  variables = saved.load(folder / "network.npz", network(known), patch)
  wanted = (len(machines.classes), variables["params"]["feature"]["bias"].size)
  for file, sizes in (("svms.npz", (wanted[0], machines.mean.size)), ("unknown.npz", rule.gaussians.means.shape)):
    if sizes != wanted:
      raise Unreadable(folder / file, f"made for {sizes[0]} classes and {sizes[1]} features, not {wanted}")
  return known._replace(variables=variables)


def of_run(run: Path) -> FittedClassifier:
  """Raises UserError for everything that is no finished run of the system patch."""
  return predictor.of_run(run, "patch", "predictor", load)


def network(fitted: FittedClassifier) -> PatchNet:
  return PatchNet(len(fitted.svms.classes), fitted.front, jnp.dtype(fitted.dtype))


@functools.cache
def _forward(net: PatchNet) -> Callable:
  return jax.jit(lambda variables, x: net.apply(variables, jnp.asarray(x)), compiler_options=cpu.compiler_options())
