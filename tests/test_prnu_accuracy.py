"""The benchmark of the PRNU engine: what it says of devices whose files hold no sensor noise."""

import numpy as np

from benchmarks import prnu_accuracy
from benchmarks.prnu_accuracy import Photo
from tests.test_prnu_fingerprint import PATTERN, photograph


def test_devices_without_a_common_pattern_are_told_beforehand():
  changing = [1 + 0.03 * np.random.default_rng(k).normal(size=PATTERN.shape) for k in range(6)]
  references = {
    "noisy": [Photo("noisy", "m", "natural", k, photograph(k)) for k in range(6)],
    "empty": [Photo("empty", "m", "natural", k, photograph(k, changing[k])) for k in range(6)],
  }
  assert prnu_accuracy.linked(references) == ["noisy"]
