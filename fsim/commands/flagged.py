"""A configuration file and the flags that change it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict, config_flags

from fsim.boundary import console, programs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown


def loaded(path: Path, mode: str) -> ConfigDict:
  """What get_config(mode) of a file returns. Raises UserError for a file that cannot be run, ValueError as it does."""
  file = programs.existing(path)
  module = programs.load(file, "get_config")
  with programs.running(file, but=ValueError):
    config = module.get_config(*[mode] if mode else [])
  if not isinstance(config, ConfigDict):
    raise UserError(f"{shown(path)}: get_config() must return a ConfigDict")
  return config.lock()


def parse(config: ConfigDict, arguments: Sequence[str]) -> tuple[ConfigDict, Path | None]:
  """The settings, and the run folder if it was given. Raises what absl and ml_collections raise for a mistake."""
  arguments = [sys.argv[0], *arguments]
  values = flags.FlagValues()
  chosen = config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=arguments)
  workdir = flags.DEFINE_string("workdir", None, "The run folder.", flag_values=values)
  rest = values(arguments)
  if rest[1:]:
    raise ValueError(f"unexpected argument {rest[1]!r}; settings are given as --config.FIELD=VALUE")
  if workdir.value == "":  # A variable of the shell that is not set.
    raise ValueError("--workdir is an empty path")
  return chosen.value, None if workdir.value is None else console.path(workdir.value)
