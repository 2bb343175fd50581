import math

import pytest

from fsim.evidence import stages
from fsim.prnu.transforms import Transform


def names(questioned, reference, search=True):
  return [stage.name for stage in stages.planned(questioned, reference, search)]


def test_equal_sizes_are_held_against_each_other_as_they_are_first():
  first, *others = stages.planned((300, 400), (300, 400))
  assert (first.name, first.transforms, first.reach) == ("aligned", [Transform()], 0)
  assert [stage.name for stage in others] == ["turned", "cut", "cut and resized"]


def test_a_turned_photograph_is_turned_back():
  (turned,) = [stage for stage in stages.planned((400, 300), (300, 400)) if stage.name == "turned"]
  assert {transform.turns for transform in turned.transforms} == {1, 3}
  assert {transform.mirrored for transform in turned.transforms} == {False, True}


def test_a_resized_photograph_is_brought_to_the_size_of_the_reference():
  (resized,) = [stage for stage in stages.planned((150, 200), (300, 400)) if stage.name == "resized"]
  assert resized.reach == 0
  assert all(transform.size(150, 200) == (300, 400) for transform in resized.transforms)


def test_a_cut_photograph_is_sought_at_all_shifts():
  (cut,) = [stage for stage in stages.planned((100, 120), (300, 400)) if stage.name == "cut"]
  assert cut.reach is None
  assert len(cut.transforms) == 8


@pytest.mark.parametrize("questioned", [(300, 400), (400, 300), (150, 200), (100, 120), (310, 390)])
def test_the_shares_of_all_stages_are_no_more_than_the_whole(questioned):
  found = stages.planned(questioned, (300, 400))
  assert 0 < sum(stage.share for stage in found) <= 1
  assert all(stage.transforms for stage in found)


def test_without_a_search_one_look_is_all():
  (only,) = stages.planned((300, 400), (300, 400), search=False)
  assert only.share == 1
  assert stages.planned((300, 401), (300, 400), search=False) == []


def test_no_pattern_becomes_larger_than_can_be_searched():
  for stage in stages.planned((6000, 8000), (6000, 8000)):
    if stage.name == "cut and resized":
      assert all(math.prod(t.size(6000, 8000)) <= stages.MOST for t in stage.transforms)
