"""`python -m fsim.simulate`: `fsim simulate`."""

from fsim.commands import program

if __name__ == "__main__":
  program("simulate")
