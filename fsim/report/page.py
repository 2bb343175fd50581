"""The HTML page of a run, rebuilt at any time from the run folder; self-contained, opens offline."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from fsim import run
from fsim.boundary import inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.report import figures
from fsim.report.parts import Section, figure
from fsim.report.templates import page
from fsim.run import flat
from fsim.train import metrics

# (run folder, settings) -> what was found, a line in plain words and a line in numbers, and the parts of the page that
# are a system's own.
Sections = Callable[[Path, dict[str, Any]], tuple[str, list[Section]]]


def build(workdir: Path, sections_of: Sections) -> Path:
  """Writes report/index.html (and each figure as a PNG beside it) from a run that has just been evaluated."""
  config, facts = (inputs.read_json(workdir / name) for name in (run.CONFIG, run.ENVIRONMENT))
  rows = metrics.read(workdir)
  if not rows:
    raise UserError(
      f"{shown(workdir / metrics.FILE)}: tells of no epoch, though the run has learned; it was removed or emptied"
    )
  problems = pd.read_csv(workdir / run.PROBLEMS, keep_default_na=False)
  folder = outputs.Folder(workdir / "report").path
  summary, sections = sections_of(workdir, config)
  finding, _, details = summary.partition("\n")
  made = page(
    "page.html",
    title=f"fsim {config['system']}: {shown(workdir.absolute().name)}",
    finding=finding,
    summary=details,
    sections=sections,
    waiting=max(row["waiting"] for row in rows),
    training=[figure(folder, f"training of the {p} network", figures.training(rows, p)) for p in _phases(rows)],
    sources=facts["data"].pop("sources", []),
    data=list(facts.pop("data").items()),
    problems=problems.to_dict("records"),
    settings=list(flat(config).items()),
    environment=list(flat(facts).items()),
  )
  path = folder / "index.html"
  outputs.replace(path, made)
  return path


def _phases(rows: list[dict]) -> list[str]:
  return list(dict.fromkeys(row["phase"] for row in rows))
