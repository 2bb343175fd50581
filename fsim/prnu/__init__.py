"""Sensor noise (PRNU): residual, fingerprint, correlation and PCE; no training."""

import jax
import numpy as np

Numbers = jax.Array | np.ndarray  # What the functions of this room take and, compiled or not, may return.
