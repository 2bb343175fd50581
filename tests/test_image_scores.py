"""What is taken off the log-odds of images that are means of patches."""

import numpy as np
import pytest

from fsim.systems.model import fitted, image_scores
from tests import fitted_similarity

D = 2


LINE = {"log_slope": np.zeros(1, np.float32), "offset": np.float32(3)}
TURN = np.array([[0.6, -0.8], [0.8, 0.6]], np.float32)
SCORERS = {"distance": LINE, "whitened": {"whitening_0": TURN, "distance": LINE}}


@pytest.fixture(scope="module", params=SCORERS)
def known(request):
  """Log-odds are 3 less the mean squared difference of two numbers, whether they are turned or not."""
  return fitted_similarity.made()._replace(
    variables={}, tiles={"params": {}}, classes=D, kind=request.param, scorer={"params": SCORERS[request.param]}
  )


def drawn(spread, images=30, patches=6, seed=0):
  """Features of images that lie 5 apart, each with patches that scatter by so much; whose they are."""
  rng = np.random.default_rng(seed)
  image = np.repeat(np.arange(images), patches)
  features = 5 * rng.normal(size=(images, D))[image] + spread * rng.normal(size=(len(image), D))
  return features.astype(np.float32), image


@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_the_scatter_is_the_variance_of_patches_within_images(known, spread):
  """However many patches an image has, one among them, and in whatever order they come."""
  features, image = drawn(spread, images=4 * image_scores.TOGETHER)
  some = np.flatnonzero(np.arange(len(image)) % 6 <= image % 6)  # 1 to 6 patches of an image.
  some = np.random.default_rng(1).permutation(some)
  features, image = features[some], image[some]
  groups = [features[image == k] for k in np.unique(image)]
  within = sum(own.var(0).mean() for own in groups) / sum(1 - 1 / len(own) for own in groups)
  assert image_scores.scatter_of(known, features, image) == pytest.approx(within, rel=1e-3)
  assert within == pytest.approx(spread**2, rel=0.3)


def test_with_it_images_compare_as_their_patches_do_on_average(known):
  features, image = drawn(1.0)
  own = known._replace(scatter=image_scores.scatter_of(known, features, image))
  groups = [features[image == k] for k in range(30)]
  pair = np.triu_indices(30, 1)
  patches = np.array([fitted.log_odds(own, groups[i], groups[j]).mean() for i, j in zip(*pair, strict=True)])
  assert fitted.image_log_odds(own, groups, groups)[pair].mean() == pytest.approx(patches.mean(), abs=0.1)


@pytest.mark.parametrize("image", [np.arange(8), np.zeros(8, int)])
def test_single_patches_or_a_single_image_have_none(known, image):
  assert image_scores.scatter_of(known, drawn(1.0)[0][:8], image) == 0.0
