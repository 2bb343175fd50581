"""`python -m fsim.main`: `fsim train`."""

from fsim.commands import program

if __name__ == "__main__":
  program("train")
