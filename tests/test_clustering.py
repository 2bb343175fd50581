import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fsim.systems.model import clustering
from fsim.systems.model import clustering_figures as pictures


def scores(models, noise=0.0, seed=0, same=4.0, different=-4.0):
  """Symmetric log-odds of images of these models."""
  models = np.asarray(models)
  upper = np.triu(np.random.default_rng(seed).normal(scale=noise, size=(len(models),) * 2), 1)
  return np.where(models[:, None] == models, same, different) + upper + upper.T


def partition(groups):
  return {tuple(np.flatnonzero(groups == k)) for k in np.unique(groups)}


@given(st.lists(st.integers(0, 3), min_size=2, max_size=20), st.integers(0, 100))
def test_models_are_groups_and_the_largest_comes_first(models, seed):
  found = clustering.group(scores(models, noise=0.5, seed=seed))
  assert partition(found.groups) == partition(np.array(models))
  sizes = np.bincount(found.groups)[1:]
  assert (np.diff(sizes) <= 0).all()
  assert sorted(found.order) == list(range(len(models)))
  ordered = found.groups[found.order]
  assert (np.diff(ordered) != 0).sum() == len(sizes) - 1  # Each group is one box on the diagonal.


@given(st.integers(2, 15), st.integers(0, 200))
def test_groups_do_not_depend_on_the_order_of_images(m, seed):
  rng = np.random.default_rng(seed)
  given_scores, order = scores(rng.integers(0, 3, m), noise=6.0, seed=seed), rng.permutation(m)
  found = clustering.group(given_scores).groups
  turned = clustering.group(given_scores[np.ix_(order, order)]).groups
  assert partition(found[order]) == partition(turned)


@given(st.integers(2, 12), st.integers(0, 200))
def test_the_rule_holds(m, seed):
  """No two groups have a mean log-odds of 0 or more between them: they would have been joined."""
  rng = np.random.default_rng(seed)
  given_scores = scores(rng.integers(0, 3, m), noise=5.0, seed=seed)
  groups = clustering.group(given_scores).groups
  for k in range(1, groups.max() + 1):
    for other in range(1, k):
      assert given_scores[np.ix_(groups == k, groups == other)].mean() < 1e-9


@pytest.mark.parametrize(("value", "groups"), [(0.01, 1), (-0.01, 2)])
def test_two_images_are_parted_at_a_probability_of_one_half(value, groups):
  assert clustering.group(np.array([[9.0, value], [value, 9.0]])).groups.max() == groups


def test_the_answer_says_what_does_not_belong():
  names = list("abcde")
  one = clustering.group(scores([0] * 5))
  assert clustering.outliers(one) == []
  assert clustering.sentence(one, names) == "5 images: all from one model"
  three = clustering.group(scores([1, 0, 0, 2, 0]))
  assert clustering.outliers(three) == [0, 3]
  expected = "5 images: 3 groups of 3, 1, 1; these do not belong to the largest: a, d"
  assert clustering.sentence(three, names) == expected
  tied = clustering.group(scores([0, 0, 1, 1]))
  assert clustering.outliers(tied) is None
  assert "none is the largest" in clustering.sentence(tied, names[:4])
  none = clustering.group(scores(range(5)))
  assert clustering.sentence(none, names) == "5 images: no two from one model"
  pairs = clustering.group(scores(np.repeat(range(30), 2)))
  assert "30 groups of 2, 2" in clustering.sentence(pairs, [""] * 60)
  assert "2, ...; none is the largest" in clustering.sentence(pairs, [""] * 60)
  many = clustering.group(scores([0] * 40 + [1] * 25))
  assert clustering.sentence(many, [str(k) for k in range(65)]).endswith("58, 59 and 5 more")


def test_what_cannot_be_grouped_is_refused():
  with pytest.raises(ValueError, match="two images or more"):
    clustering.group(np.zeros((1, 1)))
  with pytest.raises(ValueError, match="order"):
    clustering.group(np.array([[0.0, 1.0], [2.0, 0.0]]))


@pytest.mark.parametrize("models", [[0, 0], [0, 1, 0], [0] * 40 + [1] * 30])
def test_the_picture_is_drawn(models):
  found = clustering.group(scores(models, noise=1.0))
  drawn = pictures.picture(found, [f"Canon_PowerShotA640_with_a_long_name_{k}.JPG" for k in range(len(models))])
  with Image.open(io.BytesIO(drawn)) as picture:
    assert min(picture.size) > 300
