"""python -m tests.recording ARGUMENTS: fsim.main with these arguments, in a process that notes which settings it reads.

The settings that a system is handed, and those that its report reads back, note themselves when one is looked up by its
name. Copies, dumps and checks of all settings together are no look-ups. What was read lies beside the run folder.
"""

import json
import runpy
import sys
from pathlib import Path

from ml_collections import ConfigDict

from fsim.data import splits
from fsim.run import flat

READ = "read.json"
THREE = ["stratified", "by_scene", "scene_instance", "public", "ratio"]
SERVING = {  # The protocols that each system can choose.
  "device": THREE,
  "mobile": ["image_folds", "scene_folds"],
  "model": THREE,
  "patch": THREE,
  "prnu": ["stratified", "by_scene", "ratio"],
}
BEFORE = {"system"}  # Read by fsim.main, to know whom to hand the rest.


class Recording(ConfigDict):
  """Settings that add the full name of every one that is looked up to `names`."""

  def __init__(self, settings=None, names=None, prefix=""):
    """Instances without settings are made by ConfigDict itself, for copies, which record nothing."""
    object.__setattr__(self, "_names", set() if names is None else names)
    object.__setattr__(self, "_prefix", prefix)
    super().__init__(settings)

  def __getitem__(self, key):
    value = super().__getitem__(key)
    if isinstance(value, ConfigDict):
      return Recording(value, self._names, f"{self._prefix}{key}.")
    self._names.add(f"{self._prefix}{key}")
    return value

  def to_dict(self, *arguments, **options):
    return ConfigDict(self._fields).to_dict(*arguments, **options)


def unread(run: Path) -> set[str]:
  """Settings of a recorded run that nothing read, but for those of protocols that it could have chosen."""
  config = json.loads((run / "config.json").read_text())
  names = flat(config).keys() - set(json.loads((run.parent / READ).read_text())) - BEFORE
  return names - {f"data.{key}" for name in SERVING[config["system"]] for key in splits.PROTOCOLS[name].settings}


def record() -> None:
  from fsim.report import page
  from fsim.systems import settings

  names, checked, build = set(), settings.checked, page.build

  def built(workdir, sections):
    made = build(workdir, lambda folder, config: sections(folder, Recording(config, names)))
    (workdir.parent / READ).write_text(json.dumps(sorted(names)))
    return made

  settings.checked = lambda config: Recording(checked(config), names)
  page.build = built


if __name__ == "__main__":
  record()
  sys.argv[0] = "fsim.main"
  runpy.run_module("fsim.main", run_name="__main__", alter_sys=True)
