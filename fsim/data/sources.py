"""Sources named in a configuration -> their images: folders of photographs, and virtual cameras made on first use."""

from pathlib import Path
from typing import Any

from fsim.boundary import inputs
from fsim.boundary.errors import UserError
from fsim.boundary.lock import alone
from fsim.boundary.machine import cores
from fsim.data import cache, mixture, source
from fsim.data.dresden.names import REPAIRED
from fsim.data.mixture import VIRTUAL
from fsim.data.source import Images
from fsim.virtual import dataset


def open_source(
  name: str, *, data_dir: str | None, on_error: str, merge_d70: bool, repair_mju: bool, pattern: str | None
) -> Images:
  """`name` is a preset such as virtual/default, a folder, or a mixture of some (see fsim/data/mixture.py).

  Arguments as those of `source.open_folder`. Raises UserError for a preset or a folder that does not exist.
  """
  labels = {"merge_d70": merge_d70, "repair_mju": repair_mju}
  sources = mixture.listed(name)
  if len(sources) == 1:
    return _open(name, data_dir, on_error=on_error, pattern=pattern, **labels)
  patterns = [None if one.name.startswith(VIRTUAL) else pattern for one in sources]
  opened = [
    _open(one.name, data_dir, on_error=on_error, pattern=own, **labels)
    for one, own in zip(sources, patterns, strict=True)
  ]
  return mixture.joined(sources, opened)


def opened(name: str) -> Images:
  """As the configurations open it unless they are told otherwise. Raises UserError as `open_source`."""
  return open_source(name, data_dir=None, on_error="skip", pattern=None, **REPAIRED._asdict())


def folder_of(name: str, data_dir: str | None = None) -> Path:
  """Where the files of a folder or a preset are; a preset's are made there first. Raises UserError for no preset."""
  if not name.startswith(VIRTUAL):
    return inputs.expanded(name)
  if name not in dataset.PRESETS:
    raise UserError(f"there is no preset {name!r}; there are {', '.join(dataset.PRESETS)}")
  home = cache.home(data_dir)
  folder = home / "cameras" / name
  if not dataset.is_complete(name, folder):  # Then it is only read, whoever made it.
    with cache.writing(home), alone(folder):
      dataset.make(name, folder, workers=cores())
  return folder


def _open(name: str, data_dir: str | None, **settings: Any) -> Images:
  return source.open_folder(folder_of(name, data_dir), data_dir=cache.home(data_dir), **settings)
