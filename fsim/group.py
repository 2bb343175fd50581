"""`python -m fsim.group`: `fsim cluster`."""

from fsim.commands import program

if __name__ == "__main__":
  program("cluster")
