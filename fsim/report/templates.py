"""The pages of templates: what is put into them is escaped."""

import shlex
import time
from collections.abc import Sequence
from typing import Any

import jinja2

import fsim
from fsim import run
from fsim.boundary.text import shown


def page(name: str, /, **facts: Any) -> bytes:
  """Of the template of this file's name."""
  loader = jinja2.PackageLoader("fsim.report", ".")
  pages = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
  return pages.get_template(name).render(facts).encode("utf-8", "backslashreplace")


def made_by(command: Sequence[str]) -> dict[str, Any]:
  """What a page says of how, where and when it was made."""
  now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
  told = {"command": shown(shlex.join(command)), "version": fsim.__version__, "time": now}
  return told | {"environment": run.flat(run.environment())}
