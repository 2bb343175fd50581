"""Log-odds of one camera model, of a questioned photograph and references, without any photograph."""

import numpy as np
import pytest

from fsim.evidence import similarity


class Nearness:
  """In place of a network."""

  def embeddings(self, image):
    raise NotImplementedError

  def image_log_odds(self, a, b):
    means = [np.stack([own.mean(0) for own in side]) for side in (a, b)]
    return (5 - np.abs(means[0][:, None] - means[1]).sum(-1)).astype(np.float32)


@pytest.fixture
def features():
  rng = np.random.default_rng(0)
  return {k: rng.normal(size=(count, 3)).astype(np.float32) for k, count in enumerate((4, 7, 5, 9))}


def test_of_many_comparisons_each_is_as_if_asked_alone(features):
  several = [(1,), (1, 2), (3, 2), (2, 1, 3)]
  found = similarity.log_odds_of(Nearness(), [0, 0, 1, 0], several, features)
  for asked, own, value in zip((0, 0, 1, 0), several, found, strict=True):
    alone = Nearness().image_log_odds([features[asked]], [features[k] for k in own]).mean()
    assert value == pytest.approx(alone, rel=1e-6)


def test_references_of_which_nothing_is_known_are_passed_over(features):
  found = similarity.log_odds_of(Nearness(), [0, 0, 9], [(1, 7), (7, 8), (1,)], features)
  assert found[0] == similarity.log_odds_of(Nearness(), [0], [(1,)], features)[0]
  assert np.isnan(found[1:]).all()
