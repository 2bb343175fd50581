import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from fsim.boundary import labels


def drawn(label):
  """Pixels of a text alone."""
  figure = plt.figure(figsize=(3, 1))
  figure.text(0.1, 0.5, label)
  buffer = io.BytesIO()
  figure.savefig(buffer, format="png")
  plt.close(figure)
  return np.asarray(Image.open(buffer).convert("L"))


@pytest.mark.parametrize("name", ["a$b$c", "$x^2$", "$", "a$\\frac{", "a\\$b", "a\nb\x1b[31m", "\udce9t\u00e9", "Ру é"])
def test_any_name_is_drawn_letter_by_letter(name):
  (label,) = labels.drawable([name])
  assert label == labels.plain(name)
  assert "\n" not in label
  picture = drawn(label)  # A formula that cannot be read would raise.
  if name == "$x^2$":
    assert not np.array_equal(picture, drawn(name))  # Which is a formula.


def test_names_that_the_font_lacks_are_numbered_by_their_place():
  assert labels.drawable(["a.jpg", "写真.jpg", "b.jpg", "照片.jpg"]) == ["a.jpg", "no. 2", "b.jpg", "no. 4"]
