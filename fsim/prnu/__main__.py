"""`python -m fsim.prnu`: the verbs of `fsim` about sensor noise."""

from fsim.commands import program

if __name__ == "__main__":
  program("fingerprint", "merge", "match", "matrix")
