"""Where fsim meets the world: errors of users, ends of commands, progress, names, files that are read and written.

The lowest room: it imports nothing else of fsim, and whatever comes from outside or goes there passes through it.
"""

try:
  import fcntl  # noqa: F401
except ImportError as error:
  raise ImportError("fsim needs Linux or macOS: its locks and its record files do not exist on this system") from error
