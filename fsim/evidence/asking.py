"""What `fsim compare` asks and answers, from files: repeatable by their paths and hashes alone.

A request names its files with their hashes before anything is computed; one that is another file when it is read takes
no part.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fsim import weights
from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import CHANGED, Changed, Unreadable
from fsim.boundary.text import shown
from fsim.data import given
from fsim.data.given import Hashed
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

  def photographs(self, role: str) -> list[Hashed]:
    return [Hashed(Path(one.path), one.sha256) for one in self.inputs if one.role in (role, BOTH)]

  def without(self, path: Path) -> "Request":
    """A photograph that is not what it was is passed over."""
    (role,) = (one.role for one in self.inputs if one.path == str(path))
    inputs = tuple(one for one in self.inputs if one.path != str(path))
    return self._replace(inputs=inputs, passed_over=(*self.passed_over, _left_out(role, path, CHANGED)))


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

  def question(self, command: Sequence[str], directory: str) -> case.Question:
    inputs, parameters = self.request.inputs, self.request.parameters()
    return case.Question(tuple(command), directory, inputs, parameters, self.asked.description, self.chosen.described)


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
  """Raises UserError where no reference or no questioned photograph can be used, and for a calibration or a run that is
  not what it was. A photograph that is not is left out, of the outcome's request too.
  """
  while True:
    try:
      return _carried_out(asked)
    except Changed as error:
      asked = asked.without(error.path)


def _carried_out(asked: Request) -> Outcome:
  """Raises Changed for a reference that is not what it was when it was read first."""
  chosen = shipped.chosen(Path(asked.calibration) if asked.calibration else None)
  similarity = similarity_for(chosen, asked.run)
  _require_unchanged(asked)
  known = asked.photographs(REFERENCE)
  if not known or not asked.photographs(QUESTIONED):
    raise UserError(_causes(asked.passed_over) or "a questioned photograph and a reference are needed")
  references: dict[Path, Exhibit] = {}

  def show(photograph: Photograph) -> None:
    references[photograph.path] = exhibits.of(photograph)

  camera = comparison.known(known, similarity.similarity, asked.trusted, show)
  for path in [path for path, cause in camera.left_out if cause == CHANGED]:
    asked = asked.without(path)
  left_out = [_left_out(REFERENCE, path, cause) for path, cause in camera.left_out if cause != CHANGED]
  answers = []
  for one in progress.bar(asked.photographs(QUESTIONED), desc="comparing", unit="photograph"):
    photograph = given.read(one)
    if photograph.problem == CHANGED:
      if one in known:  # Its former bytes are in what is known of the camera.
        raise Changed(one.path)
      asked = asked.without(one.path)
    elif photograph.problem:
      left_out.append(_left_out(QUESTIONED, one.path, photograph.problem))
    else:
      answers.append((exhibits.of(photograph), _answer(photograph, camera, chosen, similarity)))
  if not answers:
    raise UserError(_causes([*asked.passed_over, *left_out]))
  out = {path for path, _ in camera.left_out}
  shown_beside = [exhibit for path, exhibit in references.items() if path not in out]
  return Outcome(asked, chosen, similarity, camera, answers, shown_beside, [*asked.passed_over, *left_out])


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
  """What was read but for the photographs, which are held against their hashes as they are read."""
  for one in asked.inputs:
    if one.role in (CALIBRATION, RUN) and case.hashed(one.role, Path(one.path)) != one:
      raise Unreadable(Path(one.path), CHANGED)
