"""fsim/systems/model/whitening.py"""

import numpy as np
import pytest

from fsim.data.loader import Sources
from fsim.systems.model import whitening


def scattered(deviations, models, each, seed=0):
  """Patches of models that lie far apart and scatter by these deviations along the axes."""
  rng = np.random.default_rng(seed)
  model = np.repeat(np.arange(models), each)
  features = 100 * rng.normal(size=(models, len(deviations)))[model]
  return (features + rng.normal(size=(len(model), len(deviations))) * deviations).astype(np.float32), model


def within(features, model):
  return np.mean([np.cov(features[model == one].T, ddof=0) for one in np.unique(model)], axis=0)


def test_features_scatter_alike_within_models_wherever_the_models_lie():
  features, model = scattered([4.0, 1.0, 0.25], 5, 200)
  (matrix,) = whitening.matrices(features, model, (3,), 1e-6, None)
  found = within(features @ matrix, model)
  np.testing.assert_allclose(found, np.eye(3) * found[0, 0], atol=0.02 * found[0, 0])


def test_each_kind_of_features_is_whitened_by_itself():
  features, model = scattered([4.0, 1.0, 0.5, 2.0], 5, 200)
  both = whitening.matrices(features, model, (2, 2), 0.1, None)
  for k, matrix in enumerate(both):
    (alone,) = whitening.matrices(features[:, 2 * k : 2 * k + 2], model, (2,), 0.1, None)
    np.testing.assert_allclose(matrix, alone, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_shrunk_wholly_nothing_changes_and_the_scale_never_counts(scale):
  features, model = scattered([4.0, 1.0], 3, 50)
  np.testing.assert_allclose(whitening.matrices(features * scale, model, (2,), 1.0, None)[0], np.eye(2), atol=1e-6)
  plain, scaled = (whitening.matrices(x, model, (2,), 0.3, None)[0] for x in (features, features * np.float32(scale)))
  np.testing.assert_allclose(plain, scaled, rtol=1e-3, atol=1e-5)


def test_sources_count_by_their_weights_and_not_by_their_patches():
  (one, model), (other, more) = scattered([3.0, 1.0], 4, 500), scattered([1.0, 3.0], 2, 20)
  number = np.repeat([0, 1], [len(one), len(other)])
  features, models = np.concatenate([one, other]), np.concatenate([model, more + 4])
  (mostly_other,) = whitening.matrices(features, models, (2,), 0.1, Sources(number, ("a", "b"), (0.1, 0.9)))
  (mostly_one,) = whitening.matrices(features, models, (2,), 0.1, Sources(number, ("a", "b"), (0.9, 0.1)))
  assert mostly_one[0, 0] < mostly_one[1, 1]
  assert mostly_other[0, 0] > mostly_other[1, 1]


def test_features_that_never_differ_are_left_as_they_are():
  (matrix,) = whitening.matrices(np.ones((6, 2), np.float32), np.repeat([0, 1], 3), (2,), 0.5, None)
  np.testing.assert_allclose(matrix, np.eye(2))
