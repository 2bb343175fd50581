"""What users cause, apart from our own mistakes."""


class UserError(ValueError):
  """A cause outside fsim: an argument, a setting, a file, a disk. The message is one line that names it.

  Commands print it and end with an exit code (docs/reliability.md); any other exception is our mistake and keeps its
  traceback.
  """
