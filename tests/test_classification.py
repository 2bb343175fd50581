import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, top_k_accuracy_score

from fsim.data.patches import Choice
from fsim.metrics import classification
from fsim.metrics.classification import Classification
from fsim.report import classification as pages
from fsim.report import classification_figures

CLASSES = ["Ardent_A", "Calyx_B", "Corvin_C", "Feldan_D", "Kestrel_E", "Norvik_F"]
PNG = b"\x89PNG\r\n\x1a\n"


def made(seed, n=60):
  rng = np.random.default_rng(seed)
  truth = np.concatenate([np.arange(len(CLASSES)), rng.integers(len(CLASSES), size=n - len(CLASSES))])
  scores = rng.normal(size=(n, len(CLASSES)))
  scores[np.arange(n), truth] += 1
  examples = pd.DataFrame({"file": [f"{k}.JPG" for k in range(n)], "device": [f"{CLASSES[t]}_0" for t in truth]})
  table = classification.answers(examples, scores, truth, CLASSES)
  return Classification("test", "a set", "images", CLASSES, table), scores, truth


@given(st.integers(0, 1000))
def test_the_figures_are_those_of_scikit_learn(seed):
  own, scores, truth = made(seed)
  for k in (1, 2, 5):
    expected = top_k_accuracy_score(truth, scores, k=k, labels=range(len(CLASSES)))
    np.testing.assert_allclose(classification.top(own, k), expected)
  said = scores.argmax(1)
  np.testing.assert_array_equal(classification.confusion(own), confusion_matrix(truth, said))
  np.testing.assert_allclose(classification.balanced(own), balanced_accuracy_score(truth, said))
  np.testing.assert_allclose(classification.per_class(own), confusion_matrix(truth, said, normalize="true").diagonal())


def test_only_the_order_of_scores_counts():
  own, scores, truth = made(0)
  softmax = np.exp(3 * scores) / np.exp(3 * scores).sum(1, keepdims=True)
  other = classification.answers(own.answers[["file", "device"]], softmax, truth, CLASSES)
  pd.testing.assert_frame_equal(own.answers, other)


def test_a_tie_is_never_right():
  examples = pd.DataFrame({"file": ["a.JPG", "b.JPG"], "device": ["x", "y"]})
  scores = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]])
  table = classification.answers(examples, scores, np.array([0, 1]), CLASSES[:3])
  assert table["rank"].tolist() == [2, 1]
  assert table["predicted"].tolist() == [CLASSES[1], CLASSES[1]]


def test_scores_of_another_shape_are_refused():
  examples = pd.DataFrame({"file": ["a.JPG"], "device": ["x"]})
  with pytest.raises(ValueError, match="1 examples of 3 classes, but scores of shape"):
    classification.answers(examples, np.zeros((1, 2)), np.array([0]), CLASSES[:3])


def test_the_interval_holds_the_accuracy_and_knows_devices():
  own, _, _ = made(0, n=300)
  low, high = classification.interval(own, 1, 300, 0)
  assert low <= classification.top(own, 1) <= high
  one = own._replace(answers=own.answers.assign(device="only"))
  assert classification.interval(one, 1, 50, 0) == (classification.top(one, 1),) * 2


def test_namings_are_read_back_as_they_were_written(tmp_path):
  own, _, _ = made(0)
  classification.save(tmp_path, [own, own._replace(name="patches", unit="patches")])
  first, second = classification.load(tmp_path)
  assert (first.name, second.name, second.unit) == ("test", "patches", "patches")
  pd.testing.assert_frame_equal(first.answers, own.answers)
  assert first.classes == own.classes


def test_a_class_that_was_not_tested_has_no_accuracy():
  own, _, _ = made(0)
  fewer = own._replace(answers=own.answers[own.answers["truth"] != CLASSES[2]])
  assert np.isnan(classification.per_class(fewer)[2])
  assert 0 < classification.balanced(fewer) < 1
  assert classification_figures.confusion(fewer).startswith(PNG)


def test_the_page_names_every_class_and_its_worst_mistake(tmp_path):
  own, _, _ = made(0)
  (tmp_path / "report").mkdir()
  section = pages.section(own, tmp_path)
  assert [line[0] for line in section.tables[0].lines] == CLASSES
  assert (tmp_path / "report" / "confusion_matrix__test.png").is_file()
  line = pages.table([own], 20, 0).lines[0]
  assert line[1:4] == ["60 images", "6", "6"]
  assert f"{classification.top(own, 1):.3f} [" in line[4]
  finding, numbers = pages.summary(own, 20, 0).split("\n")
  assert finding.startswith(("Better than guessing: the right", "Not shown to be better than guessing: the right"))
  assert "are classified correctly among 6 classes" in numbers


def test_the_voting_curve_is_drawn():
  curve = pd.DataFrame({"patches": [1, 2, 1, 2], "rule": ["a", "a", "b", "b"], "mean": 0.5, "low": 0.4, "high": 0.6})
  assert classification_figures.voting(curve).startswith(PNG)


def test_any_names_are_drawn_without_formulas_and_boxes():
  own, _, _ = made(0)
  strange = ["$a_1$", "a$\\frac{", "写真", "_hidden", "two\nlines", "café"]
  table = own.answers.replace(dict(zip(CLASSES, strange, strict=True)))
  named = own._replace(classes=strange, answers=table)
  assert classification_figures.confusion(named).startswith(PNG)
  assert classification_figures.by_class([named]).startswith(PNG)
  found = np.arange(6).reshape(2, 3)
  image = np.zeros((128, 192, 3), np.uint8)
  assert classification_figures.blocks(
    image, found, strange, Choice(64, 64, 6, "paper", 0.0, 0.0), "the classes"
  ).startswith(PNG)


def test_a_map_of_a_very_long_image_is_of_a_size_that_can_be_drawn():
  choice, found = Choice(64, 64, 6, "paper", 0.0, 0.0), np.zeros((600, 1), int)
  picture = classification_figures.blocks(np.zeros((38_400, 64, 3), np.uint8), found, CLASSES, choice, "the classes")
  with Image.open(io.BytesIO(picture)) as drawn:
    assert max(drawn.size) < 6000
