"""The HTML page of a run, rebuilt at any time from the run folder; self-contained, opens offline."""

import json
from pathlib import Path

import jinja2
import pandas as pd

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
  """Writes report/index.html (and each figure as a PNG beside it) from the run folder; returns the page's path.

  Raises FileNotFoundError if the run has not been evaluated yet.
  """
  config = json.loads((workdir / "config.json").read_text())
  environment = json.loads((workdir / "environment.json").read_text())
  diary = metrics.read(workdir)
  problems = pd.read_csv(workdir / "problems.csv")
  folder = workdir / "report"
  folder.mkdir(exist_ok=True)
  summary, sections = RESULTS[config["system"]](workdir, config)
  page = _template().render(
    title=f"fsim {config['system']}: {workdir.name}",
    summary=summary,
    sections=sections,
    waiting=max(row["waiting"] for row in diary),
    training=[figure(folder, f"training of the {p} network", figures.training(diary, p)) for p in _phases(diary)],
    data=list(environment.pop("data").items()),
    problems=problems.to_dict("records"),
    settings=list(flat(config).items()),
    environment=list(flat(environment).items()),
  )
  path = folder / "index.html"
  path.write_text(page)
  return path


def numbers(workdir: Path) -> dict[str, float]:
  """The measures of a finished run, by name, to be set beside those of others. Raises FileNotFoundError before."""
  return NUMBERS[json.loads((workdir / "config.json").read_text())["system"]](workdir)


def _template() -> jinja2.Template:
  environment = jinja2.Environment(loader=jinja2.PackageLoader("fsim.report", "."), autoescape=True, trim_blocks=True)
  return environment.get_template("page.html")


def _phases(diary: list[dict]) -> list[str]:
  return list(dict.fromkeys(row["phase"] for row in diary))
