"""`python -m fsim`: the command `fsim`."""

from fsim.commands import program

if __name__ == "__main__":
  program()
