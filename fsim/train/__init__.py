"""Mesh, optimiser, state, one step, one loop, checkpoints, metrics."""

AGAIN = 75  # Exit code of a run that was stopped and has more to do (EX_TEMPFAIL of sysexits.h).
