import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.special import expit

from benchmarks import splicing as benchmark
from fsim.boundary.errors import UserError
from fsim.systems.model import fitted, patchmap, splicing
from fsim.systems.model.localization import localise
from fsim.systems.model.patchmap import NoStatement
from fsim.systems.model.splicing import Undecided
from fsim.virtual import splice
from tests import fitted_similarity
from tests.fitted_similarity import SIZE, texture

SIDE = 432


@pytest.fixture(scope="module")
def known():
  return fitted_similarity.made()


@pytest.fixture(scope="module")
def strict(known):
  """Patches that are partly flat are not usable."""
  return known._replace(entropy=4.1)


@pytest.fixture(scope="module")
def spliced():
  """(image of coarse grain with a region of fine grain, the region)."""
  mask = splice.region(np.random.default_rng(3), SIDE, SIDE, 0.25)
  host, donor = texture("coarse", SIDE, SIDE, seed=1), texture("fine", SIDE, SIDE, seed=2)
  return splice.paste(np.random.default_rng(0), host, donor, mask), mask


@pytest.fixture(scope="module")
def found(known, spliced):
  return splicing.analyse(known, spliced[0])


def test_what_was_pasted_is_found_by_itself(found, spliced):
  result = localise(found.heat, found.mask, spliced[1])
  assert result.f1 > 0.7
  assert result.auc > 0.95
  assert found.score > 0.4
  assert found.references.sum() > len(found.places) / 2
  assert (found.reference_area & spliced[1]).sum() < 0.1 * found.reference_area.sum()


def test_a_photograph_of_one_piece_is_left_alone(known, found):
  whole = splicing.analyse(known, texture("coarse", SIDE, SIDE, seed=4))
  assert not whole.mask.any()
  assert whole.score < found.score / 2


def half_smooth(kind, rows):
  """Texture in the upper rows, and nothing below them."""
  image = np.full((SIDE, SIDE, 3), 99, np.uint8)
  image[:rows] = texture(kind, rows, SIDE, seed=5)
  return image


def test_a_paste_that_holds_most_usable_patches_is_not_taken_for_the_image(strict):
  image = half_smooth("coarse", 128)
  image[160:400, 40:400] = texture("fine", 240, 360, seed=6)
  with pytest.raises(
    Undecided, match=r"which of them was pasted cannot be told: the larger group of patches covers \d\d\.\d % of the"
  ) as told:
    splicing.analyse(strict, image)
  compared = told.value.compared  # The larger group lies in what was pasted: a map would point at the wrong part.
  assert compared.reference_area[200:360, 80:360].mean() > 0.9
  assert compared.mask[:100].mean() > 0.9
  right = splicing.analyse(strict, image, reference=(200, 60))  # Who knows a place of the image gets an answer.
  assert right.mask[200:360, 80:360].mean() > 0.9
  assert not right.mask[:80].any()


def test_a_paste_that_holds_all_usable_patches_does_not_pass_for_an_authentic_image(strict):
  image = np.full((SIDE, SIDE, 3), 99, np.uint8)
  image[80:360, 80:360] = texture("coarse", 280, 280, seed=6)
  with pytest.raises(Undecided, match=r"may have been pasted into the rest: it covers \d\d\.\d % of the image"):
    splicing.analyse(strict, image)


def test_of_a_partly_smooth_image_something_is_said_if_more_than_half_can_be_judged(strict):
  found = splicing.analyse(strict, half_smooth("coarse", 300))
  assert 0.5 < found.judged < 0.8
  assert not found.mask.any()
  with pytest.raises(Undecided, match=r"it covers \d\d\.\d % of the image, not more than half"):
    splicing.analyse(strict, half_smooth("coarse", 160))


def test_two_parts_of_which_neither_covers_more_than_half_are_not_decided(strict):
  image = half_smooth("coarse", 432)
  image[:240, :200] = 99
  image[240:] = texture("fine", 192, SIDE, seed=7)
  with pytest.raises(Undecided):
    splicing.analyse(strict, image)


@given(st.integers(0, 999), st.floats(0, 1), st.floats(0, 1))
def test_what_is_marked_is_never_set_against_less_than_half_of_the_image(seed, usable, marked):
  rng = np.random.default_rng(seed)
  heat = np.where(rng.random((20, 20)) < usable, 0.2, np.nan)
  heat[(rng.random((20, 20)) < marked) & ~np.isnan(heat)] = 0.8
  area = (heat < 0.5) & (rng.random((20, 20)) < 0.8)
  empty = np.zeros((0, 2), int), None, np.zeros(0), np.zeros(0, bool)
  found = splicing.Splicing(SIZE, 32, *empty, 0.5, heat, area, heat > 0.5, 0.1)
  taken = area if found.mask.any() else ~np.isnan(heat)
  assert bool(splicing.doubt(found)) == (taken.mean() <= 0.5)


def test_the_benchmark_counts_a_map_by_where_most_of_its_marks_lie(found, spliced):
  mask = spliced[1]
  assert benchmark.outcome(found, True, mask) == benchmark.RIGHT
  assert benchmark.outcome(found, True, ~mask) == benchmark.WRONG
  assert benchmark.outcome(found, False, mask) == benchmark.outcome(None, True, mask) == benchmark.SILENT
  assert benchmark.outcome(found._replace(mask=np.zeros_like(mask)), True, mask) == benchmark.NOTHING


def middle(area):
  """The pixel (y, x) of an area that is farthest from its border."""
  return tuple(int(k) for k in np.unravel_index(ndimage.distance_transform_edt(area).argmax(), area.shape))


def test_a_reference_by_hand_marks_what_is_not_like_it(known, spliced):
  image, mask = spliced
  y, x = middle(mask)
  inside = splicing.analyse(known, image, reference=(x, y))
  assert inside.score is None
  top, left = inside.places[inside.chosen]
  assert top <= y < top + SIZE
  assert left <= x < left + SIZE
  assert inside.difference[inside.chosen] < 0.1
  assert localise(inside.heat, inside.mask, ~mask).auc > 0.9  # The reference decides, not the areas.
  outside = splicing.analyse(known, image, reference=middle(~mask)[::-1])
  assert localise(outside.heat, outside.mask, mask).auc > 0.9


def test_the_limit_is_the_runs_and_of_one_reference_the_threshold(known, spliced):
  own = known._replace(limit=0.125, threshold=0.75)
  assert splicing.analyse(own, spliced[0]).limit == 0.125
  assert splicing.analyse(own, spliced[0], reference=(200, 200)).limit == 0.25


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_limit_lets_through_that_share_of_authentic_patches(known, share):
  kinds = ["coarse"] * 3 + ["fine"] * 2
  features = np.concatenate([fitted.features(known, fitted_similarity.tiles(kind, k)) for k, kind in enumerate(kinds)])
  image = np.repeat(np.arange(5), 16)
  limit = splicing.limit_of(known, features, image, share)
  values = [splicing.consensus(expit(fitted.log_odds(known, *[features[image == k]] * 2)))[0] for k in range(5)]
  assert (np.concatenate(values) > limit).mean() == pytest.approx(share, abs=1 / 80)
  few = np.where(np.arange(80) < 78, image, 5 + image)  # The last two are an image that takes no part.
  assert splicing.limit_of(known, features[:78], few[:78], share) == splicing.limit_of(known, features, few, share)


@pytest.mark.parametrize(
  ("image", "share", "cause"),
  [
    (np.zeros(9, int), 0.0, "evaluate.map_false_alarm must lie between 0 and 1, got 0.0"),
    (np.arange(9) // 2, 0.1, "validation images of 3 usable patches"),
    (np.zeros(0, int), 0.1, "validation images of 3 usable patches"),
  ],
)
def test_what_gives_no_limit_is_told(image, share, cause):
  with pytest.raises(ValueError, match=cause):
    splicing.require(image, share)


def test_nothing_is_said_where_there_is_no_texture_or_no_tone(known, spliced):
  image = spliced[0].copy()
  image[:200, :200] = 90
  image[300:, 300:] = 255
  image[300:, 300::3] = np.random.default_rng(0).integers(0, 250, (132, 44, 1))
  found = splicing.analyse(known, image)
  assert np.isnan(found.heat[:150, :150]).all()
  assert np.isnan(found.heat[350:, 350:]).all()
  assert not found.mask[:150, :150].any()
  assert (~np.isnan(found.heat)).mean() > 0.5
  with pytest.raises(NoStatement, match="no patch with texture enough holds the reference 40,40"):
    splicing.analyse(known, image, reference=(40, 40))


@pytest.mark.parametrize(
  ("image", "options", "cause"),
  [
    (np.zeros((60, 200, 3), np.uint8), {}, "200x60 pixels, in which no patch of 72x72 fits"),
    (np.zeros((200, 200, 3), np.uint8), {}, "0 of 25 patches have texture enough, and at least 8"),
  ],
)
def test_what_cannot_be_judged_is_told(known, image, options, cause):
  with pytest.raises(NoStatement, match=cause):
    splicing.analyse(known, image, **options)


@pytest.mark.parametrize(
  ("side", "options", "cause"),
  [
    (200, {"reference": (200, 0)}, "the reference 200,0 lies outside its 200x200 pixels"),
    (2000, {"stride": 8}, "a stride of 8 gives 58,564 patches, more than 10,000"),
  ],
)
def test_options_that_do_not_suit_the_image_are_the_users(known, side, options, cause):
  with pytest.raises(UserError, match=cause):
    splicing.analyse(known, np.zeros((side, side, 3), np.uint8), **options)


@pytest.mark.parametrize("stride", [0, 12, -8, 80])
def test_strides_off_the_grid_are_refused(stride):
  with pytest.raises(ValueError, match=f"a multiple of 8 up to the patch size 72, got {stride}"):
    patchmap.grid(300, 300, SIZE, stride)


@given(st.integers(72, 400), st.integers(72, 400), st.sampled_from([8, 32, 40, 72]))
def test_patches_cover_the_image_up_to_the_block_grid(h, w, stride):
  places = patchmap.grid(h, w, SIZE, stride)
  assert (places % 8 == 0).all()
  assert len(np.unique(places, axis=0)) == len(places)
  covered = ~np.isnan(patchmap.over_pixels(np.zeros(len(places)), places, SIZE, (h, w)))
  assert covered[: h // 8 * 8, : w // 8 * 8].all()


@given(st.integers(256, 9000), st.integers(256, 9000), st.sampled_from([128, 256]))
def test_the_usual_stride_bounds_the_number_of_patches(h, w, size):
  stride = patchmap.usual_stride(h, w, size)
  assert patchmap.fits(stride, size)
  assert stride == size or len(patchmap.grid(h, w, size, stride)) <= patchmap.MOST
  assert stride == size // 2 or len(patchmap.grid(h, w, size, stride - 8)) > 0.9 * patchmap.MOST


@given(st.integers(8, 40), st.floats(0.1, 0.45), st.integers(0, 99))
def test_the_larger_group_is_the_reference_and_each_of_the_others_differs(n, share, seed):
  rng = np.random.default_rng(seed)
  foreign = rng.permutation(n) < max(2, int(share * n))
  noise = rng.normal(0, 0.5, (n, n))
  scores = expit(np.where(foreign[:, None] == foreign, 4, -4) + (noise + noise.T) / 2)
  values, references, score = splicing.consensus(scores)
  np.testing.assert_array_equal(references, ~foreign)
  np.testing.assert_array_equal(values > 0.5, foreign)
  assert 0.5 < score <= 1


def test_patches_that_are_all_alike_are_one_group():
  values, _, score = splicing.consensus(np.full((20, 20), 0.9))
  np.testing.assert_allclose(values, 0.1)
  assert score < 0.01


def test_a_pixel_has_the_mean_of_its_patches_and_none_without_half_of_them():
  places = np.array([[0, 0], [0, 8], [8, 0], [8, 8]])
  heat = patchmap.over_pixels(np.array([1.0, 0.0, np.nan, np.nan]), places, 16, (24, 25))
  assert heat[4, 4] == 1
  assert heat[4, 12] == heat[12, 12] == 0.5
  assert np.isnan(heat[20, 4])
  assert heat[12, 4] == 1
  assert np.isnan(heat[4, 24])
  assert np.isnan(patchmap.over_pixels(np.array([1.0, np.nan, np.nan, np.nan]), places, 16, (24, 25))[12, 12])


def test_localisation_counts_what_is_not_spoken_about_as_missed_and_is_never_turned_over():
  truth = np.zeros((8, 8), bool)
  truth[:4] = True
  perfect = localise(truth.astype(float), truth, truth)
  assert perfect[:5] == (1, 1, 1, 1, 1)
  opposite = localise(1.0 - truth, ~truth, truth)
  assert opposite.auc == 0
  assert opposite.f1 == 0
  assert opposite.mcc == -1
  half = np.where(truth, 1.0, 0.0)
  half[:2] = np.nan
  silent = localise(half, half > 0.5, truth)
  np.testing.assert_allclose([silent.f1, silent.auc, silent.said], [2 / 3, 1, 0.75])
  assert np.isnan(localise(np.full((8, 8), np.nan), ~truth, truth).auc)


@given(st.integers(0, 99), st.integers(64, 200), st.integers(64, 200), st.floats(0.03, 0.45))
def test_regions_are_in_one_piece_without_holes_and_as_large_as_asked(seed, h, w, share):
  mask = splice.region(np.random.default_rng(seed), h, w, share)
  assert ndimage.label(mask)[1] == 1
  assert (ndimage.binary_fill_holes(mask) == mask).all()
  assert 0.3 * share <= mask.mean() <= min(0.5, 1.4 * share)


def test_pasting_changes_the_region_alone(spliced):
  image, mask = spliced
  host = texture("coarse", SIDE, SIDE, seed=1)
  assert ((image != host).any(-1) <= mask).all()
  assert (image != host).any(-1)[mask].mean() > 0.9
  small = texture("fine", 80, 80)
  with pytest.raises(ValueError, match="cannot be taken from a photograph of 80x80"):
    splice.paste(np.random.default_rng(0), host, small, mask)
  with pytest.raises(ValueError, match=r"less than \.5, got 0\.6"):
    splice.region(np.random.default_rng(0), 80, 80, 0.6)
