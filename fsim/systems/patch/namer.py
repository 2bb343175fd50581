"""Everything that is needed to name the camera model of an image: network, SVMs, rule for strangers, choice of patches.

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
from fsim.systems import predictor
from fsim.systems.patch import openset, svm
from fsim.systems.patch.openset import Evidence, Rule
from fsim.systems.patch.svm import Svms

BATCH = 128
TOGETHER = 1024  # Patches of a map that are in memory at once.
LEAST = 4  # Patches without which an image is not spoken about.
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


class Namer(NamedTuple):
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


def evidence(namer: Namer, pixels: UInt8[np.ndarray, "p s s 3"]) -> Evidence:
  """Of the patches of one image. Raises UserError where it is no finite numbers."""
  forward = _forward(network(namer))
  parts = []
  for first in range(0, len(pixels), BATCH):
    some = pixels[first : first + BATCH]
    parts.append([np.asarray(out)[: len(some)] for out in forward(namer.variables, arrays.filled(some, BATCH))])
  features, logits = (np.concatenate(part) for part in zip(*parts, strict=True))
  predictor.require_sane(features, logits)
  return Evidence(features, logits, svm.decisions(namer.svms, features), np.zeros(len(pixels), int), 1)


def name(namer: Namer, image: UInt8[np.ndarray, "h w 3"]) -> Verdict:
  """By the majority of the chosen patches."""
  chosen = patches.cut(image, patches.choose(image, namer.choice), namer.choice.size)
  if len(chosen) < LEAST:
    return Verdict(SILENT, "", len(chosen), {}, 0.0, None, namer.rule.threshold)
  seen = evidence(namer, chosen)
  scores = svm.scores(namer.svms, seen.decided)
  order = votes.count(votes.majority(scores), seen.image, 1)[0].argsort()[::-1]
  cast = np.bincount(scores.argmax(1), minlength=len(namer.svms.classes))
  model = namer.svms.classes[order[0]]
  score = float(openset.score(namer.rule, seen)[0])
  return Verdict(
    answer=model if score >= namer.rule.threshold else NONE,
    model=model,
    patches=len(chosen),
    votes={namer.svms.classes[k]: int(cast[k]) for k in order if cast[k]},
    margin=float(cast[order[0]] - cast[order[1]]) / len(chosen),
    score=score,
    threshold=namer.rule.threshold,
  )


def blocks(namer: Namer, image: UInt8[np.ndarray, "h w 3"]) -> Int[np.ndarray, "r q"]:
  """The class of every patch of the grid, alone (Bondi et al. 2017, figure 5); -1 where the patch is unusable."""
  places = patches.grid(*image.shape[:2], namer.choice.size, namer.choice.stride)
  rows, columns = (len(np.unique(places[:, axis])) for axis in (0, 1))
  found = np.full(len(places), -1)
  for first in range(0, len(places), TOGETHER):
    pixels = patches.cut(image, places[first : first + TOGETHER], namer.choice.size)
    usable = np.flatnonzero(patches.usable(pixels, namer.choice))
    if len(usable):
      found[first + usable] = svm.scores(namer.svms, evidence(namer, pixels[usable]).decided).argmax(1)
  return found.reshape(rows, columns)


def save(folder: Path, namer: Namer) -> None:
  """Arrays and JSON: nothing that runs when it is read."""
  folder.mkdir(parents=True, exist_ok=True)
  saved.save(folder / "network.npz", namer.variables)
  svm.save(folder / "svms.npz", namer.svms)
  openset.save(folder / "unknown.npz", namer.rule)
  shown = {"choice": namer.choice._asdict(), "front": namer.front, "dtype": namer.dtype}
  outputs.replace(folder / "input.json", console.to_json(shown).encode())


def load(folder: Path) -> Namer:
  """Raises Unreadable for the first file that is not as `save` writes it, or does not go with the others."""
  path = folder / "input.json"
  shown = inputs.read_json(path, limit=MANY)
  fields.require(path, shown, INPUT)
  fields.require(path, shown["choice"], CHOICE, inside="choice.")
  machines, rule = svm.load(folder / "svms.npz"), openset.load(folder / "unknown.npz")
  patch = jnp.zeros((1, PATCH_SIDE, PATCH_SIDE, 3), jnp.uint8)
  known = Namer(Choice(**shown["choice"]), shown["front"], shown["dtype"], {}, machines, rule)
  variables = saved.load(folder / "network.npz", network(known), patch)
  wanted = (len(machines.classes), variables["params"]["feature"]["bias"].size)
  for file, sizes in (("svms.npz", (wanted[0], machines.mean.size)), ("unknown.npz", rule.clouds.means.shape)):
    if sizes != wanted:
      raise Unreadable(folder / file, f"made for {sizes[0]} classes and {sizes[1]} features, not {wanted}")
  return known._replace(variables=variables)


def of_run(run: Path) -> Namer:
  """Raises UserError for everything that is no finished run of the system patch."""
  return predictor.of_run(run, "patch", "namer", load)


def network(namer: Namer) -> PatchNet:
  return PatchNet(len(namer.svms.classes), namer.front, jnp.dtype(namer.dtype))


@functools.cache
def _forward(net: PatchNet) -> Callable:
  return jax.jit(lambda variables, x: net.apply(variables, jnp.asarray(x)), compiler_options=cpu.compiler_options())
