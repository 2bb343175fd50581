"""A source named in a configuration -> its images: a folder of photographs, or virtual cameras made on first use."""

from fsim.boundary import inputs
from fsim.boundary.errors import UserError
from fsim.boundary.lock import alone
from fsim.boundary.machine import cores
from fsim.data import cache, source
from fsim.data.source import Images
from fsim.virtual import dataset

PREFIX = "virtual/"


def open_source(
  name: str, *, data_dir: str | None, on_error: str, merge_d70: bool, repair_mju: bool, pattern: str | None
) -> Images:
  """`name` is a preset such as virtual/default, or a folder. Arguments as those of `source.open_folder`.

  Raises UserError for a preset or a folder that does not exist.
  """
  home = cache.home(data_dir)
  folder = inputs.expanded(name)
  if name.startswith(PREFIX):
    if name not in dataset.PRESETS:
      raise UserError(f"there is no preset {name!r}; there are {', '.join(dataset.PRESETS)}")
    folder = home / "cameras" / name
    if not dataset.is_complete(name, folder):  # Then it is only read, whoever made it.
      with cache.writing(home), alone(folder):
        dataset.make(name, folder, workers=cores())
  labels = {"merge_d70": merge_d70, "repair_mju": repair_mju, "pattern": pattern}
  return source.open_folder(folder, data_dir=home, on_error=on_error, **labels)
