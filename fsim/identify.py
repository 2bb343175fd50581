"""`python -m fsim.identify`: `fsim identify`."""

from fsim.commands import program

if __name__ == "__main__":
  program("identify")
