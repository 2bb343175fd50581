"""`python -m fsim.report`: `fsim report`."""

from fsim.commands import program

if __name__ == "__main__":
  program("report")
