"""What the machine gives this process."""

import os


def cores() -> int:
  """That the process may use; macOS only says how many there are."""
  return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
