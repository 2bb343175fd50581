"""What `fsim compare` asks and answers, from files: repeatable by their paths and hashes alone.

A request names its files with their hashes before anything is computed, and they are hashed once more at the end.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fsim import weights
from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.data import photographs
from fsim.data.photographs import Photograph
from fsim.evidence import case, comparison, exhibits, scores, shipped, telling
from fsim.evidence.case import Input
from fsim.evidence.comparison import Answer
from fsim.evidence.exhibits import Exhibit
from fsim.evidence.scores import Known
from fsim.evidence.shipped import Chosen
from fsim.evidence.similarity import Similarity
from fsim.systems.model import fitted
from fsim.systems.model.predictor import SimilarityPredictor
from fsim.weights import Description

QUESTIONED, REFERENCE, BOTH = "questioned", "reference", "questioned and reference"  # Roles of files.
CALIBRATION, RUN = "calibration", "run"
PREDICTOR = "predictor"  # Folder of a run.
BESIDE = "shown beside the ratio, since the calibration did not learn it"


class Request(NamedTuple):
  """inputs: all files that are read, a path once. passed_over: role, file and cause of those that are not.

  calibration, run: as they were given; None for what came with fsim. trusted: whether the references are taken as of
  one camera without a check.
  """

  inputs: tuple[Input, ...]
  passed_over: tuple[dict[str, str], ...]
  calibration: str | None
  run: str | None
  trusted: bool

  def parameters(self) -> dict[str, Any]:
    plain = {"calibration": self.calibration, "run": self.run, "trusted": self.trusted}
    return plain | {"passed_over": list(self.passed_over)}

  def paths(self, role: str) -> list[Path]:
    return [Path(one.path) for one in self.inputs if one.role in (role, BOTH)]


class Asked(NamedTuple):
  """A similarity that is asked, and which it is, in words.

  enters: whether the calibration learned it. description: of weights that came with fsim; None of a run.
  """

  similarity: Similarity | None
  told: str
  enters: bool = False
  description: Description | None = None


class Outcome(NamedTuple):
  """answers: of each questioned photograph that could be read. left_out: role, file and cause of the other files."""

  request: Request
  chosen: Chosen
  asked: Asked
  camera: Known
  answers: list[tuple[Exhibit, Answer]]
  references: list[Exhibit]
  left_out: list[dict[str, str]]

  def result(self) -> dict[str, Any]:
    """As JSON has it: `--json`, and the field of a case."""
    return telling.result(self)

  def question(self, command: Sequence[str]) -> case.Question:
    inputs, parameters = self.request.inputs, self.request.parameters()
    return case.Question(tuple(command), inputs, parameters, self.asked.description, self.chosen.described)


def request(
  questioned: Sequence[Path],
  references: Sequence[Path],
  calibration: Path | None,
  run: Path | None,
  passed_over: Iterable[dict[str, str]] = (),
  trusted: bool = False,
) -> Request:
  """Of files, not folders; one that cannot be opened is passed over. Raises Unreadable for calibration and run."""
  both = set(questioned) & set(references)
  roles = {path: BOTH if path in both else REFERENCE for path in references}
  roles = {path: BOTH if path in both else QUESTIONED for path in questioned} | roles
  found, lost = [], list(passed_over)
  for path, role in roles.items():
    try:
      found.append(case.hashed(role, path))
    except Unreadable as error:
      lost.append(_left_out(role, path, error.cause))
  found += [case.hashed(CALIBRATION, calibration)] if calibration else []
  found += [case.hashed(RUN, path) for path in _files(run)] if run else []
  as_text = lambda path: None if path is None else str(path)  # noqa: E731
  return Request(tuple(found), tuple(lost), as_text(calibration), as_text(run), trusted)


def carry_out(asked: Request) -> Outcome:
  """Raises UserError where no reference or no questioned photograph can be used, and for a file that changes."""
  chosen = shipped.chosen(Path(asked.calibration) if asked.calibration else None)
  similarity = similarity_for(chosen, asked.run)
  questioned = asked.paths(QUESTIONED)
  left_out = list(asked.passed_over)
  if not questioned or not asked.paths(REFERENCE):
    raise UserError(_causes(left_out) or "a questioned photograph and a reference are needed")
  references: dict[Path, Exhibit] = {}

  def show(photograph: Photograph) -> None:
    references[photograph.path] = exhibits.of(photograph)

  camera = comparison.known(asked.paths(REFERENCE), similarity.similarity, asked.trusted, show)
  left_out += [_left_out(REFERENCE, path, cause) for path, cause in camera.left_out]
  answers = []
  for path in progress.bar(questioned, desc="comparing", unit="photograph"):
    photograph = photographs.read(path)
    try:
      exhibit = exhibits.of(photograph)
    except Unreadable as error:
      left_out.append(_left_out(QUESTIONED, path, error.cause))
      continue
    answers.append((exhibit, _answer(photograph, camera, chosen, similarity)))
  if not answers:
    raise UserError(_causes(left_out))
  out = {path for path, _ in camera.left_out}
  _require_unchanged(asked)
  shown_beside = [exhibit for path, exhibit in references.items() if path not in out]
  return Outcome(asked, chosen, similarity, camera, answers, shown_beside, left_out)


def repeat(said: Mapping[str, Any], folder: Path) -> dict[str, Any]:
  """The result of a case anew. Raises UserError for inputs and parameters that are none of this verb's."""
  parameters, roles = said["parameters"], {QUESTIONED, REFERENCE, BOTH, CALIBRATION, RUN}
  texts = [parameters.get(name) for name in (CALIBRATION, RUN)]
  rows, trusted = parameters.get("passed_over"), parameters.get("trusted")
  names = {CALIBRATION, RUN, "trusted", "passed_over"}
  known = names == parameters.keys() and {row["role"] for row in said["inputs"]} <= roles and isinstance(trusted, bool)
  if not known or not all(text is None or isinstance(text, str) for text in texts) or not _are_left_out(rows):
    raise UserError("its inputs or parameters are not those of fsim compare")
  inputs = tuple(Input(**row) for row in said["inputs"])
  given = {one.path for one in inputs if one.role in (CALIBRATION, RUN)}
  calibration, run = texts
  if (calibration is not None and calibration not in given) or (run is not None and not _holds(run, given)):
    raise UserError("its calibration or its run is not among its inputs")
  return carry_out(Request(inputs, tuple(rows), calibration, run, trusted)).result()


def _holds(run: str, given: set[str]) -> bool:
  return set(map(str, _files(Path(run)))) <= given


def _are_left_out(rows: Any) -> bool:
  names = {"role", "file", "cause"}
  return isinstance(rows, list) and all(
    isinstance(row, dict) and row.keys() == names and all(isinstance(text, str) for text in row.values())
    for row in rows
  )


def _left_out(role: str, path: Path, cause: str) -> dict[str, str]:
  return {"role": role, "file": str(path), "cause": cause}


def _causes(left_out: Sequence[Mapping[str, str]]) -> str:
  return "; ".join(f"{shown(row['file'])}: {shown(row['cause'])}" for row in left_out)


def _files(run: Path) -> list[Path]:
  """Of a run: those that answer."""
  folder = run / PREDICTOR
  if not folder.is_dir():
    raise Unreadable(run, f"no finished run of the system model: the folder {PREDICTOR} is missing")
  return sorted(path for path in folder.iterdir() if path.name[0] != ".")


def similarity_for(chosen: Chosen, run: str | None = None) -> Asked:
  """A run that is named is asked in any case; what came with fsim only where the calibration learned it."""
  learned = chosen.calibration.card["similarity"]
  if run is not None:
    predictor = SimilarityPredictor(fitted.of_run(Path(run)))
    own = weights.digest(weights.digests(Path(run) / PREDICTOR))
    told = f"the run {shown(run)} (SHA-256 {own[:12]})"
    return Asked(predictor, told if own == learned else f"{told}, {BESIDE}", own == learned)
  if not learned:
    return Asked(None, "none, the calibration learned sensor noise alone")
  if not weights.is_shipped("compare"):
    return Asked(None, "none, the weights that the calibration learned did not come with this fsim")
  description = weights.default("compare").description
  if description.sha256 != learned:
    return Asked(None, f"none, the calibration learned other weights than {description}")
  return Asked(weights.load(description.name), str(description), True, description)


def _answer(photograph: Photograph, camera: Known, chosen: Chosen, asked: Asked) -> Answer:
  if asked.enters or asked.similarity is None:
    return comparison.compare(photograph, camera, chosen.calibration, asked.similarity)
  score = scores.score(photograph, camera, asked.similarity)
  return comparison.answer(score._replace(similarity=None), camera, chosen.calibration)._replace(score=score)


def _require_unchanged(asked: Request) -> None:
  for one in asked.inputs:
    if case.hashed(one.role, Path(one.path)) != one:
      raise Unreadable(Path(one.path), "changed while it was read")
