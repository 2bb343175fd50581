"""`python -m fsim.data.check`: `fsim check`."""

from fsim.commands import program

if __name__ == "__main__":
  program("check")
