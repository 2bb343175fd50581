"""The pages' templates: what is put into them is escaped."""

import jinja2


def template(name: str) -> jinja2.Template:
  """Of this folder, by its file's name."""
  loader = jinja2.PackageLoader("fsim.report", ".")
  return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True).get_template(name)
