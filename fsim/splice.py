"""`python -m fsim.splice`: `fsim splice`."""

from fsim.commands import program

if __name__ == "__main__":
  program("splice")
