import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fsim.metrics import votes


def made(seed, images=20, c=5, most=8):
  rng = np.random.default_rng(seed)
  counts = rng.integers(1, most + 1, images)
  image = np.repeat(np.arange(images), counts)
  truth = rng.integers(c, size=images)
  scores = rng.normal(size=(len(image), c))
  scores[np.arange(len(image)), truth[image]] += 1
  return scores, image, truth


@given(st.integers(0, 500))
def test_the_class_with_most_votes_wins_and_scores_only_break_ties(seed):
  scores, image, truth = made(seed)
  counted = votes.count(votes.majority(scores), image, len(truth))
  for k in range(len(truth)):
    cast = np.bincount(scores[image == k].argmax(1), minlength=5)
    assert cast[counted[k].argmax()] == cast.max()


def test_a_tie_goes_to_the_class_with_the_larger_scores():
  scores = np.array([[1.0, 0.9, 0.0], [0.0, 1.0, 0.1]])
  counted = votes.count(votes.majority(scores), np.array([0, 0]), 1)
  assert counted.argmax() == 1


@given(st.integers(0, 100), st.floats(-50, 50))
def test_probabilities_do_not_depend_on_the_height_of_logits(seed, height):
  logits, _, _ = made(seed)
  p = votes.softmax(logits)
  np.testing.assert_allclose(p.sum(1), 1)
  np.testing.assert_allclose(votes.softmax(logits + height), p, rtol=1e-6)


@given(st.integers(0, 100))
def test_with_all_patches_the_curve_ends_at_the_count(seed):
  scores, image, truth = made(seed)
  ballots = {"majority": votes.majority(scores), "mean": votes.softmax(scores)}
  shuffled = np.random.default_rng(seed).permutation(len(image))
  curve = votes.curve({k: b[shuffled] for k, b in ballots.items()}, image[shuffled], truth, 8, 4, seed)
  for rule, own in ballots.items():
    last = curve[(curve["rule"] == rule) & (curve["patches"] == 8)].iloc[0]
    expected = (votes.count(own, image, len(truth)).argmax(1) == truth).mean()
    np.testing.assert_allclose([last["mean"], last["low"], last["high"]], expected)


def test_one_patch_alone_is_as_good_as_a_patch_and_more_are_better():
  rng = np.random.default_rng(0)
  image, truth = np.repeat(np.arange(200), 16), rng.integers(4, size=200)
  scores = rng.normal(size=(3200, 4))
  scores[np.arange(3200), truth[image]] += 0.7
  curve = votes.curve({"majority": votes.majority(scores)}, image, truth, 16, 30, 0).set_index("patches")["mean"]
  np.testing.assert_allclose(curve[1], (scores.argmax(1) == truth[image]).mean(), atol=0.02)
  assert curve[1] < curve[4] < curve[16]


def test_an_image_without_patches_is_never_right():
  scores = np.array([[1.0, 0.0]])
  curve = votes.curve({"majority": votes.majority(scores)}, np.array([1]), np.array([0, 0]), 1, 2, 0)
  assert curve["mean"].tolist() == [0.5]
  np.testing.assert_array_equal(votes.count(votes.majority(scores), np.array([1]), 2)[0], 0)
