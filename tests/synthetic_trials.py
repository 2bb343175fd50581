"""Comparisons of devices that behave as `fsim.evidence.expected` says, for tests without photographs."""

import numpy as np

from fsim.evidence.calibration import Trials
from fsim.evidence.expected import References
from fsim.evidence.fitting import Truths
from fsim.evidence.quality import NAMES
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL

PIXELS = 400_000
SNR = 0.08  # Of a pixel, at an information of 4 and for a camera of middle strength.


def features(rng: np.random.Generator, count: int) -> np.ndarray:
  return np.column_stack([rng.normal(4, 0.4, count), *rng.normal(0, 1, (len(NAMES) - 1, count))])


def made(
  devices: int = 40, asked: int = 4, seed: int = 0, gone: float = 0.1, similarity: bool = False
) -> tuple[Trials, Truths, np.ndarray]:
  """Two devices a model; each photograph against the references of its own device and of five others."""
  rng = np.random.default_rng(seed)
  strength = np.where(rng.random(devices) < gone, 0, np.exp(rng.normal(0, 0.3, devices)))
  references = [References(features(rng, (1, 2, 5)[d % 3]), 0) for d in range(devices)]
  sums = [(SNR**2 * strength[d] ** 2 * np.exp(2 * references[d].features[:, 0] - 8)).sum() for d in range(devices)]
  rows = []
  for device in range(devices):
    for own in features(rng, asked):
      mean = PIXELS**0.5 * SNR * strength[device] * np.exp(own[0] - 4) * np.sqrt(sums[device] / (1 + sums[device]))
      rows.append((device, device, own, mean * np.exp(rng.normal(0, 0.1)) + rng.normal()))
      others = {device ^ 1, *rng.integers(devices, size=4).tolist()} - {device}
      rows += [(device, other, own, rng.normal()) for other in sorted(others)]
  questioned, candidate = (np.array([row[k] for row in rows]) for k in (0, 1))
  same_model = questioned // 2 == candidate // 2
  truth = np.where(questioned == candidate, SAME_DEVICE, np.where(same_model, SAME_MODEL, OTHER_MODEL))
  alike = np.where(same_model, 2.0, -2.0) + rng.normal(0, 1.5, len(rows))
  n = len(rows)
  trials = Trials(
    z=np.array([row[3] for row in rows]),
    n_looks=np.ones(n),
    pixels=np.full(n, float(PIXELS)),
    questioned=np.stack([row[2] for row in rows]),
    references=references,
    which=candidate,
    agreement=np.full(n, np.nan),
    similarity=alike if similarity else np.full(n, np.nan),
  )
  return trials, Truths(truth, questioned, candidate, np.ones(n)), np.arange(devices) // 2
