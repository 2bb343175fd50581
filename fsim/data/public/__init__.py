"""Public photographs that anyone can rebuild: where each original lies, how its crop is cut, and the crop's SHA-256.

The tables beside this file hold facts only; no photograph comes with fsim. docs/opencams.md is their data card.
"""
