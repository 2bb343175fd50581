"""Mesh, optimiser, state, one step, one loop, checkpoints, metrics."""
