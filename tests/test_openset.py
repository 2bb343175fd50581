import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fsim.systems import svm
from fsim.systems.patch import openset
from fsim.systems.patch.openset import PatchOutputs

C, D, EACH = 5, 8, 6  # Learned classes, features, patches an image.


def world(seed, classes, images=40, spread=1.0):
  """PatchOutputs of images of these classes (of nine), of which the first C were learned; and their class numbers."""
  centres = 4 * np.random.default_rng(7).normal(size=(9, D))
  rng = np.random.default_rng(seed)
  truth = rng.permutation(np.arange(images) % len(classes))
  image = np.repeat(np.arange(images), EACH)
  features = centres[np.array(classes)[truth[image]]] + spread * rng.normal(size=(len(image), D))
  logits = 6 - 0.05 * ((features[:, None] - centres[:C]) ** 2).sum(2)
  return PatchOutputs(features, logits, np.zeros((len(features), 0)), image, images), truth


@pytest.fixture(scope="module")
def learned():
  train, truth = world(0, range(C), images=100)
  labels = truth[train.image]
  machines = svm.fit(train.features, labels, [str(k) for k in range(C)], 0.1, False)
  return machines, openset.class_gaussians(train.features, labels)


def decided(machines, outputs):
  return outputs._replace(decided=svm.decisions(machines, outputs.features))


@pytest.fixture(scope="module")
def rule(learned):
  machines, gaussians = learned
  validation, truth = world(1, range(C), images=60)
  return openset.choose(decided(machines, validation), truth, gaussians, rejected=0.1, validation_unknowns=None)


def test_the_threshold_costs_the_share_of_validation_images_that_was_asked_for(learned, rule):
  validation, _ = world(1, range(C), images=60)
  scores = openset.score(rule, decided(learned[0], validation))
  assert (scores < rule.threshold).mean() == pytest.approx(0.1, abs=1 / 60)


def test_strangers_score_less_by_the_chosen_score(learned, rule):
  known, unknown = (decided(learned[0], world(2, classes)[0]) for classes in (range(C), (6, 7, 8)))
  inside, outside = openset.score(rule, known), openset.score(rule, unknown)
  assert openset.auc(inside, outside) > 0.95
  assert (outside < rule.threshold).mean() > 0.7
  assert rule.aucs[rule.score] == max(rule.aucs.values())


def test_no_score_gains_by_merely_losing_an_answer(learned):
  """Features that say nothing: taking a model away must tell its images from the others' by no score."""
  machines, gaussians = learned
  rng = np.random.default_rng(0)
  outputs, truth = world(3, range(C), images=400)
  noise = outputs._replace(
    features=rng.normal(size=outputs.features.shape), logits=rng.normal(size=outputs.logits.shape)
  )
  found = openset.choose(decided(machines, noise), truth, gaussians, 0.05, None)
  assert all(0.4 < value < 0.6 for value in found.aucs.values())


def test_an_image_is_scored_alike_alone_and_in_company(learned, rule):
  outputs = decided(learned[0], world(2, range(C))[0])
  together = openset.score(rule, outputs)
  own = outputs.image == 3
  alone = PatchOutputs(outputs.features[own], outputs.logits[own], outputs.decided[own], np.zeros(EACH, int), 1)
  np.testing.assert_allclose(openset.score(rule, alone), together[3])


def test_distance_is_that_of_mahalanobis(learned):
  outputs, _ = world(2, range(C), images=5)
  _, gaussians = learned
  precision = gaussians.root @ gaussians.root.T
  differences = outputs.features[:, None] - gaussians.means
  squares = np.einsum("pcd,de,pce->pc", differences, precision, differences)
  expected = -squares.min(1).reshape(5, EACH).mean(1)
  np.testing.assert_allclose(openset.SCORES["distance"](outputs, gaussians, np.ones((5 * EACH, C), bool)), expected)


def test_a_rule_read_back_scores_identically(learned, rule, tmp_path):
  outputs = decided(learned[0], world(2, range(C))[0])
  openset.save(tmp_path / "unknown.npz", rule)
  again = openset.load(tmp_path / "unknown.npz")
  assert (again.score, again.threshold, again.aucs) == (rule.score, rule.threshold, rule.aucs)
  np.testing.assert_array_equal(openset.score(again, outputs), openset.score(rule, outputs))


def test_auc_is_the_chance_that_a_known_image_scores_more():
  rng = np.random.default_rng(0)
  known, unknown = rng.normal(1, 1, 50), rng.normal(0, 1, 30)
  expected = (known[:, None] > unknown).mean()
  np.testing.assert_allclose(openset.auc(known, unknown), expected)
  assert roc_auc_score([1, 0], [0.7, 0.2]) == 1


def test_stand_ins_choose_the_score_that_tells_them_apart(learned):
  """Strangers far from every cloud, of which the logits say nothing: only the distance finds them."""
  machines, gaussians = learned
  validation, truth = world(1, range(C), images=60)
  others, _ = world(4, (6, 7), images=40)
  quiet = [e._replace(logits=np.zeros_like(e.logits)) for e in (validation, others)]
  mine, theirs = (decided(machines, e) for e in quiet)
  found = openset.choose(mine, truth, gaussians, 0.05, theirs)
  assert found.aucs["softmax"] == found.aucs["energy"] == 0.5
  assert found.aucs["distance"] > 0.95
  assert found.aucs[found.score] == max(found.aucs.values())


def test_a_part_of_the_evidence_scores_as_it_does_in_the_whole(learned, rule):
  outputs = decided(learned[0], world(2, range(C))[0])
  some = np.random.default_rng(0).random(outputs.images) < 0.4
  np.testing.assert_allclose(openset.score(rule, openset.part(outputs, some)), openset.score(rule, outputs)[some])
