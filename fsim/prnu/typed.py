"""The arrays of this room."""

import jax
import numpy as np

AnyArray = jax.Array | np.ndarray  # What the functions of this room take and, compiled or not, may return.
