import numpy as np
import pytest
from sklearn.svm import LinearSVC

from fsim.systems import svm

CLASSES = ["Ardent_A", "Calyx_B", "Corvin_C", "Feldan_D"]


def clouds(seed, n=240, spread=1.0):
  rng = np.random.default_rng(seed)
  labels = np.arange(n) % len(CLASSES)
  centres = np.random.default_rng(99).normal(size=(len(CLASSES), 6)) * 3
  return (centres[labels] + rng.normal(size=(n, 6)) * spread).astype(np.float32), labels


def test_every_duel_is_decided_as_by_scikit_learn():
  features, labels = clouds(0)
  machines = svm.fit(features, labels, CLASSES, c=0.1, standardised=False)
  decided = svm.decisions(machines, features)
  assert machines.pairs.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
  for (first, second), own in zip(machines.pairs, decided.T, strict=True):
    both = (labels == first) | (labels == second)
    theirs = LinearSVC(C=0.1, dual=False, class_weight="balanced").fit(features[both], labels[both] == first)
    np.testing.assert_allclose(own, theirs.decision_function(features), rtol=1e-3, atol=1e-3)


def test_the_class_that_wins_its_duels_is_named():
  features, labels = clouds(0)
  machines = svm.fit(features, labels, CLASSES, c=1.0, standardised=True)
  unseen, truth = clouds(1)
  scores = svm.scores(machines, svm.decisions(machines, unseen))
  assert (scores.argmax(1) == truth).mean() > 0.97
  np.testing.assert_array_equal(np.floor(scores + 0.34).sum(1), len(machines.pairs))  # Each duel has one winner.


def test_standardised_features_make_units_irrelevant():
  features, labels = clouds(0)
  units = np.array([1e-3, 1, 1e3, 7, 0.1, 50], np.float32)
  plain, scaled = (svm.fit(f, labels, CLASSES, 1.0, standardised=True) for f in (features, features * units))
  decided = svm.decisions(plain, features), svm.decisions(scaled, features * units)
  np.testing.assert_allclose(*decided, rtol=1e-2, atol=1e-2)


def test_a_constant_feature_does_no_harm():
  features, labels = clouds(0)
  features[:, 2] = 0
  machines = svm.fit(features, labels, CLASSES, 1.0, standardised=True)
  assert np.isfinite(svm.decisions(machines, features)).all()


def test_machines_read_back_decide_identically(tmp_path):
  features, labels = clouds(0)
  machines = svm.fit(features, labels, CLASSES, c=0.1, standardised=True)
  svm.save(tmp_path / "svms.npz", machines)
  again = svm.load(tmp_path / "svms.npz")
  assert again.classes == CLASSES
  np.testing.assert_array_equal(svm.decisions(again, features), svm.decisions(machines, features))


def test_the_setting_is_the_one_that_is_best_on_validation():
  (x, labels), (unseen, truth) = clouds(0, spread=4.0), clouds(1, spread=4.0)
  chosen = svm.choose((x, labels), (unseen, truth), (1e-4, 1.0))
  accuracies = {(row["standardised"], row["c"]): row["accuracy"] for row in chosen.tried}
  assert len(accuracies) == 4
  assert accuracies[chosen.standardised, chosen.c] == max(accuracies.values())
  machines = svm.fit(x, labels, CLASSES, chosen.c, chosen.standardised)
  said = svm.scores(machines, svm.decisions(machines, unseen)).argmax(1)
  assert (said == truth).mean() == max(accuracies.values())


def test_a_class_without_examples_is_named():
  features, labels = clouds(0)
  with pytest.raises(ValueError, match="no example: Feldan_D"):
    svm.fit(features[labels < 3], labels[labels < 3], CLASSES, 1.0, standardised=False)


def test_a_sample_holds_at_most_so_many_of_each_class():
  labels = np.array([0] * 50 + [1] * 3 + [2] * 20)
  sample = svm.balanced_sample(labels, 10, seed=0)
  assert np.bincount(labels[sample]).tolist() == [10, 3, 10]
  assert len(set(sample)) == len(sample)
