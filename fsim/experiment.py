"""The systems, each as its method section: the phases of a run in order."""

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from absl import logging
from jaxtyping import Float, Int
from ml_collections import ConfigDict
from tqdm import tqdm

from fsim import run
from fsim.data import jpeg, splits
from fsim.data.opening import open_source
from fsim.data.source import Images
from fsim.evaluate import matrix, rates, result, scores
from fsim.evaluate.result import Evaluation
from fsim.models.extractors import SignatureNet
from fsim.models.scorers import HadamardScorer
from fsim.report import page
from fsim.store import SignatureStore
from fsim.train import classify, compare, mesh
from fsim.train.classify import Labelled
from fsim.train.compare import Signed
from fsim.train.loop import fit
from fsim.train.mesh import Layout
from fsim.train.metrics import Diary
from fsim.train.step import State

WIDTH = 1024  # Values of a signature.
MATCHING = ("stratified", "by_scene", "scene_instance", "public", "ratio")  # Protocols that train, validate and test.
CHUNK = 256  # Images between two writes to the signature database.


class Subjects(NamedTuple):
  """The images that an experiment is about: a table whose `row` column points into the stored records."""

  table: pd.DataFrame
  images: Images

  def some(self, rows: Int[np.ndarray, " n"]) -> "Subjects":
    return self._replace(table=self.table.iloc[rows])


def device(config: ConfigDict, workdir: Path) -> Path:
  """Two-part device matching (Bennabhaktula et al. 2020). Returns the page of the report (on the first process)."""
  layout = mesh.layout()
  diary = Diary(workdir)
  subjects = open_subjects(config.data.source, config, workdir)
  parts = {name: subjects.some(rows) for name, rows in split(subjects.table, config).items()}
  tests = {"test": parts["test"]}
  if config.evaluate.elsewhere:
    tests["elsewhere"] = open_subjects(config.evaluate.elsewhere, config, workdir / "elsewhere")
  for name, part in {"validation": parts["validation"], **tests}.items():
    require_pairs(name, part.table)
  classes = sorted(parts["train"].table["device"].unique())

  net = SignatureNet(classes=len(classes), front=config.input.front, dtype=jnp.dtype(config.dtype))
  labelled = {name: _labelled(parts[name], classes) for name in ("train", "validation")}
  records = subjects.images.records
  phase_a = classify.phase(net, records, labelled["train"], labelled["validation"], config, layout)
  signer = fit(phase_a, workdir, diary, layout)

  sign = Signing(net, signer, workdir, config, layout)
  signed = {name: Signed(sign(parts[name]), labelled[name].labels) for name in labelled}
  scorer = HadamardScorer(width=config.similarity.width)
  phase_b = compare.phase(scorer, signed["train"], signed["validation"], config, layout)
  matcher = fit(phase_b, workdir, diary, layout)
  diary.close()

  threshold = choose_threshold(scorer, matcher, signed["validation"])
  evaluations = []
  for name, part in tests.items():
    logits = compare.all_pairs(scorer, matcher, sign(part))
    evaluations.append(evaluate(name, part, logits, threshold, config))
    save_thumbnails(workdir / "thumbnails" / name, part, evaluations[-1], config.evaluate.errors)
  if jax.process_index() > 0:
    return workdir
  result.save(workdir, evaluations)
  return page.build(workdir)


SYSTEMS: dict[str, Callable[[ConfigDict, Path], Path]] = {"device": device}


def open_subjects(name: str, config: ConfigDict, workdir: Path) -> Subjects:
  """The usable images of a source, with what was left out and why written to the run folder.

  Raises ValueError if nothing is left.
  """
  data = config.data
  labels = {"merge_d70": data.merge_d70, "repair_mju": data.repair_mju}
  images = open_source(name, data_dir=data.folder, on_error=data.on_error, **labels)
  table = images.table.assign(row=np.arange(len(images.table)))
  table = table[table["subset"] == data.subset]
  small = table[table[["width", "height"]].min(axis=1) < config.input.size]
  causes = [f"{r.width}x{r.height} is smaller than the input of {config.input.size}" for r in small.itertuples()]
  if data.on_error == "raise" and causes:
    raise ValueError(f"{small['file'].iloc[0]}: {causes[0]}")
  left_out = pd.DataFrame({"file": small["file"], "cause": causes, "left_out": True})
  problems = pd.concat([images.problems, left_out], ignore_index=True)
  table = table.drop(small.index).reset_index(drop=True)
  if table.empty:
    raise ValueError(f"{name} has no usable {data.subset} images ({len(problems)} files left out)")
  facts = {
    "source": name,
    "fingerprint": images.fingerprint,
    "subset": data.subset,
    "images": len(table),
    "devices": int(table["device"].nunique()),
    "models": int(table["model"].nunique()),
    "scenes": int(table.loc[table["scene"] != "", "scene"].nunique()),
    "left_out": int(problems["left_out"].sum()),
  }
  if facts["left_out"]:
    logging.warning("%d files of %s are left out: see %s/problems.csv", facts["left_out"], name, workdir)
  run.write_data(workdir, facts, problems)
  return Subjects(table, images)


def split(table: pd.DataFrame, config: ConfigDict) -> dict[str, np.ndarray]:
  """Index sets of the protocol, which takes those of the data settings that it names among its arguments."""
  name = config.data.protocol
  if name not in MATCHING:
    raise ValueError(f"data.protocol must be one of {', '.join(MATCHING)}, got {name!r}")
  protocol = splits.PROTOCOLS[name]
  settings = config.data.to_dict() | {"seed": config.seed}
  wanted = inspect.signature(protocol).parameters.keys() & settings.keys()
  return protocol(table, **{k: settings[k] for k in wanted})


def require_pairs(name: str, table: pd.DataFrame) -> None:
  """Raises ValueError unless there are pairs of one device and pairs of two, before hours of training are spent."""
  counts = table["device"].value_counts()
  if len(counts) < 2 or counts.max() < 2:
    raise ValueError(
      f"the {name} images must hold two of one device, and two devices; there are {len(table)} images of "
      f"{len(counts)} devices (data.validation and data.test say how many are taken)"
    )


def _labelled(part: Subjects, classes: list[str]) -> Labelled:
  unknown = set(part.table["device"]) - set(classes)
  if unknown:
    raise ValueError(f"devices to be validated but never trained on: {', '.join(sorted(unknown))}")
  labels = pd.Categorical(part.table["device"], classes).codes
  return Labelled(part.table["row"].to_numpy(), labels.astype(np.int32))


class Signing(NamedTuple):
  """Images -> signatures by way of the run's database: what is known there is not computed again."""

  net: SignatureNet
  state: State
  workdir: Path
  config: ConfigDict
  layout: Layout

  def __call__(self, part: Subjects) -> Float[np.ndarray, "n d"]:
    checkpoint = fingerprint(self.state.params)
    n = len(part.table)
    known = mesh.from_first(
      lambda: part.table["sha256"].isin(self.store().known(checkpoint)).to_numpy(), np.zeros(n, bool)
    )
    fresh = part.table[~known]
    chunks = range(0, len(fresh), CHUNK)
    for first in tqdm(chunks, desc="signing", unit="chunk", disable=jax.process_index() > 0 or not chunks):
      some = fresh.iloc[first : first + CHUNK]
      rows = some["row"].to_numpy()
      vectors, _ = classify.embed(self.net, self.state, part.images.records, rows, self.config, self.layout)
      if jax.process_index() == 0:
        self.store().add(some, checkpoint, vectors)
    return mesh.from_first(lambda: self.store().get(part.table, checkpoint), np.zeros((n, WIDTH), np.float32))

  def store(self) -> SignatureStore:
    """The database; only the first process opens it."""
    return SignatureStore(self.workdir / "signatures.lance", WIDTH)


def fingerprint(params: dict) -> str:
  """A short name of a set of weights, by which signatures know the network that made them."""
  digest = hashlib.sha256()
  for leaf in jax.tree.leaves(mesh.to_host(params)):
    digest.update(np.ascontiguousarray(leaf).tobytes())
  return digest.hexdigest()[:16]


def choose_threshold(scorer: HadamardScorer, state: State, validation: Signed) -> float:
  """Best F1 on the pairs of validation images; never on what is reported."""
  logits = compare.all_pairs(scorer, state, validation.signatures)
  upper = np.triu_indices(len(logits), 1)
  same = (validation.devices[:, None] == validation.devices)[upper]
  return scores.best_f1_threshold(same, 1 / (1 + np.exp(-logits[upper].astype(np.float64))))


def evaluate(
  name: str, part: Subjects, logits: Float[np.ndarray, "n n"], threshold: float, config: ConfigDict
) -> Evaluation:
  """Algorithm 1, rates and intervals on one set of images."""
  settings = config.evaluate
  pairs = scores.pair_table(part.table.reset_index(drop=True), logits)
  probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
  similarity = matrix.similarity_matrix(part.table, probability, threshold, settings.draws, config.seed)
  models = part.table.drop_duplicates("device").set_index("device")["model"]
  lines = rates.rates(pairs, settings.resamples, config.seed)
  note = f"{len(part.table):,} images of {config.data.source if name == 'test' else settings.elsewhere}."
  return Evaluation(name, note, threshold, similarity, models[similarity.devices].tolist(), lines, pairs)


def save_thumbnails(folder: Path, part: Subjects, evaluation: Evaluation, count: int) -> None:
  if jax.process_index() > 0:
    return
  errors = scores.worst_errors(evaluation.pairs, evaluation.threshold, count)
  for row in set(errors["row_a"]) | set(errors["row_b"]):
    page.save_thumbnail(folder, row, jpeg.decode(part.images.records[int(part.table.iloc[row]["row"])]))
