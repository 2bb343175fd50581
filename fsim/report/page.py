"""The HTML page of a run, rebuilt at any time from the run folder; self-contained, opens offline."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pandas as pd

from fsim import run
from fsim.boundary import inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.report import figures, matching, mobile, patch, prnu, similarity
from fsim.report.parts import figure
from fsim.run import flat
from fsim.train import metrics

SYSTEMS = {"device": matching, "mobile": mobile, "model": similarity, "patch": patch, "prnu": prnu}
# System -> {measure: value} of a finished run.
NUMBERS = {name: module.numbers for name, module in SYSTEMS.items()}
# System -> what its results look like.
RESULTS = {name: module.sections for name, module in SYSTEMS.items()}


def build(workdir: Path) -> Path:
  """Writes report/index.html (and each figure as a PNG beside it) from a run that has just been evaluated."""
  config, facts = (inputs.read_json(workdir / name) for name in (run.CONFIG, run.ENVIRONMENT))
  diary = metrics.read(workdir)
  problems = pd.read_csv(workdir / run.PROBLEMS, keep_default_na=False)
  folder = outputs.Folder(workdir / "report").path
  summary, sections = RESULTS[config["system"]](workdir, config)
  page = _template().render(
    title=f"fsim {config['system']}: {shown(workdir.absolute().name)}",
    summary=summary,
    sections=sections,
    waiting=max(row["waiting"] for row in diary),
    training=[figure(folder, f"training of the {p} network", figures.training(diary, p)) for p in _phases(diary)],
    data=list(facts.pop("data").items()),
    problems=problems.to_dict("records"),
    settings=list(flat(config).items()),
    environment=list(flat(facts).items()),
  )
  path = folder / "index.html"
  outputs.replace(path, page.encode("utf-8", "backslashreplace"))
  return path


def rebuild(workdir: Path) -> Path:
  """`build` for any folder. Raises UserError if it is no finished run, or if one of its files is not as it was."""
  _require_run(workdir)
  with _as_written(workdir):
    return build(workdir)


def numbers(workdir: Path) -> dict[str, float]:
  """The measures of a finished run, by name, to be set beside those of others. Raises UserError as `rebuild`."""
  system = _require_run(workdir)
  with _as_written(workdir):
    return NUMBERS[system](workdir)


def _require_run(workdir: Path) -> str:
  """The system of a run."""
  if not workdir.is_dir():
    raise UserError(f"{shown(workdir)}: {'not a folder' if workdir.exists() else 'no such folder'}")
  if not (workdir / run.CONFIG).exists():
    raise UserError(f"{shown(workdir)}: not a run of fsim: {run.CONFIG} is missing")
  system = inputs.read_json(workdir / run.CONFIG, "system")["system"]
  if not isinstance(system, str) or system not in SYSTEMS:
    raise inputs.Unreadable(workdir / run.CONFIG, f"there is no system {shown(system)}")
  return system


@contextlib.contextmanager
def _as_written(workdir: Path) -> Iterator[None]:
  """Raises UserError for what goes wrong inside if a file of the run was changed; without that, it is our mistake."""
  try:
    yield
  except Exception as error:
    cause = run.changed(workdir)
    if cause is None or isinstance(error, UserError):
      raise
    raise UserError(f"{shown(workdir)}: {cause}") from error


def _template() -> jinja2.Template:
  environment = jinja2.Environment(loader=jinja2.PackageLoader("fsim.report", "."), autoescape=True, trim_blocks=True)
  return environment.get_template("page.html")


def _phases(diary: list[dict]) -> list[str]:
  return list(dict.fromkeys(row["phase"] for row in diary))
