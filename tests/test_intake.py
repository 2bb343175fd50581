"""Photographs that are looked at several at a time give what each gives alone."""

from pathlib import Path

import numpy as np
import pytest

from fsim.data.photographs import Photograph
from fsim.prnu import intake, probe
from tests.jpegs import scene

SMALL, LARGE = (64, 72), (80, 64)


def photographs(sizes):
  """A size of None is a file without pixels."""
  for k, size in enumerate(sizes):
    pixels = None if size is None else scene(*size, seed=k)
    yield Photograph(Path(f"{k}.jpg"), str(k), str(k), pixels, b"", "broken" if size is None else "")


@pytest.fixture(params=[None, 1, 3])
def batch(request, monkeypatch):
  """As on a CPU, or batches of so many."""
  if request.param:
    monkeypatch.setattr(intake, "at_once", lambda shape: request.param)
  return request.param


def test_each_answers_in_order_as_if_alone(batch):
  given = list(photographs([SMALL, SMALL, None, LARGE, SMALL, SMALL, SMALL, SMALL]))
  found = list(intake.looks(iter(given), probe.for_image))
  assert [photograph.path for photograph, _ in found] == [photograph.path for photograph in given]
  for photograph, look in found:
    if photograph.problem:
      assert look == ("broken", None)
    else:
      alone = probe.look(photograph.pixels, probe.for_image)
      assert look.objection == alone.objection == ""
      np.testing.assert_allclose(look.pattern, alone.pattern, atol=1e-3)


def test_what_is_too_small_or_empty_has_its_cause_and_costs_no_other_its_answer():
  given = [*photographs([(63, 80), SMALL])]
  given.insert(1, given[1]._replace(pixels=np.full((64, 72, 3), 90, np.uint8)))
  causes = [look.objection for _, look in intake.looks(given, probe.for_image)]
  assert "too small: 63 pixels" in causes[0]
  assert "no noise left" in causes[1]
  assert causes[2] == ""


def test_few_are_taken_ahead(batch):
  taken = []

  def counted():
    for k in range(40):
      taken.append(k)
      yield k, None if k % 2 else scene(*SMALL)

  for place, (k, _) in enumerate(intake.looked_at(counted(), probe.shares)):
    assert k == place
    assert len(taken) - place <= 8 * (batch or 1)


def test_a_long_row_of_what_is_not_wanted_is_not_held_back():
  taken = []

  def counted():
    for k in range(1000):
      taken.append(k)
      yield k, None

  next(intake.looked_at(counted(), probe.shares))
  assert len(taken) < 10


def test_a_mistake_of_ours_keeps_its_traceback():
  def broken(found):
    raise RuntimeError("a bug")

  with pytest.raises(RuntimeError, match="a bug"):
    list(intake.looked_at(iter([(0, scene(*SMALL))]), broken))


def test_batches_as_on_a_gpu_give_the_same(monkeypatch):
  given = [(k, None if k == 2 else scene(*(LARGE if k == 4 else SMALL), seed=k)) for k in range(7)]
  alone = {k: np.asarray(probe.shares(probe.filtered(image[None])))[0] for k, image in given if image is not None}
  monkeypatch.setattr(intake.jax, "default_backend", lambda: "gpu")
  monkeypatch.setattr(intake, "MOST", 3)
  found = list(intake.looked_at(iter(given), probe.shares))
  assert [k for k, _ in found] == list(range(7))
  assert found[2][1] is None
  for k, shares in found:
    if k != 2:
      np.testing.assert_allclose(shares, alone[k], rtol=1e-5)
