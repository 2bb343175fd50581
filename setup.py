"""Everything else is in pyproject.toml."""

import sys

from setuptools import setup

if sys.platform == "win32":
  sys.exit("forensic-fsim needs Linux or macOS: its locks and its record files do not exist on Windows")
setup()
