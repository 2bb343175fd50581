"""What training images go through, and that the others go through nothing."""

import io
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fsim.boundary.errors import UserError
from fsim.data import chained, jpeg, patches
from fsim.data.chained import NAMES, Chain, Chained
from fsim.data.loader import CentreCrop
from fsim.data.source import Images
from fsim.systems import augmenting, patch_dataset, settings
from fsim.systems.dataset import ImageSet
from fsim.virtual import postprocessing
from tests import commands, jpegs
from tests.commands import ROOT
from tests.jpegs import encode, scene

SHA = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(SHA, st.integers(0, 9), st.integers(0, 9))
def test_what_is_drawn_is_a_function_of_seed_and_photograph(sha256, seed, other):
  shares = {"resize": 0.5, "messenger": 0.5}
  assert chained.draw(sha256, seed, shares) == chained.draw(sha256, seed, shares)
  assert chained.draw(sha256, other, shares).name in shares


def test_shares_are_kept():
  shares = {"recompress": 0.2, "messenger": 0.3}
  drawn = [chained.draw(f"{k:04d}" * 16, 0, shares) for k in range(2000)]
  named = pd.Series([chain.name if chain else "" for chain in drawn]).value_counts(normalize=True)
  assert abs(named["recompress"] - 0.2) < 0.03
  assert abs(named["messenger"] - 0.3) < 0.03
  assert {chain.quality for chain in drawn if chain} == set(chained.QUALITIES)


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_back_is_what_the_chain_makes(name):
  data = encode(Image.fromarray(scene(96, 144)), quality=97)
  chain = Chain(name, 75, "4:2:0", 0.5 if name == "resize" else 1.0)
  records = pickle.loads(pickle.dumps(Chained([data, data], {1: chain})))
  assert len(records) == 2
  assert records[0] == data
  steps = {"recompress": (), "resize": (postprocessing.resize(0.5),)} | postprocessing.CHAINS
  assert records[1] == postprocessing.apply(jpeg.decode(data), steps[name], 75, "4:2:0")
  with Image.open(io.BytesIO(records[1])) as image:
    assert image.size == chained.size(chain, 144, 96)


@pytest.mark.parametrize(
  ("text", "cause"),
  [
    ("whatsapp:0.1", "no chain 'whatsapp'; there are recompress, resize, mail"),
    ("none:0.1", "no chain 'none'"),
    ("resize", "must be CHAIN:SHARE"),
    ("resize:0", "must be CHAIN:SHARE"),
    ("resize:-0.5,mail:0.1", "must be CHAIN:SHARE"),
    ("resize:nan", "must be CHAIN:SHARE"),
    ("resize:0.6,mail:0.6", "must be CHAIN:SHARE"),
    ("resize:0.1,resize:0.1", "must be CHAIN:SHARE"),
    ("resize:0.1,", "no chain ''"),
  ],
)
@pytest.mark.parametrize("name", ["device", "model", "patch", "mobile"])
def test_what_is_no_chain_is_refused_by_name(name, text, cause):
  config = commands.config(ROOT / "configs" / f"{name}.py")
  config.input.chains = text
  with pytest.raises(UserError, match=cause):
    settings.checked(config)


@pytest.fixture(scope="module")
def dataset():
  """Ten images, half of which are to train."""
  data = [encode(Image.fromarray(scene(160, 240, seed)), quality=97) for seed in range(10)]
  table = pd.DataFrame({"file": [f"{k}.JPG" for k in range(10)], "row": range(10), "width": 240, "height": 160})
  table["sha256"] = [f"{k}abcdef0" * 8 for k in range(10)]
  return ImageSet(table, Images(table, table, data, "digest"))


def quick(tmp_path, text):
  config = commands.config(ROOT / "configs" / "model.py", "quick")
  config.input.chains, config.data.folder = text, str(tmp_path / "data")
  return config


def test_without_chains_nothing_is_touched(dataset, tmp_path):
  assert augmenting.augmented(dataset, dataset.table, quick(tmp_path, ""), tmp_path) is dataset
  assert not list(tmp_path.iterdir())


def test_only_training_images_go_through_chains(dataset, tmp_path):
  train, config = dataset.table.iloc[:5], quick(tmp_path, "recompress:1.0")
  found = augmenting.augmented(dataset, train, config, tmp_path)
  changed = [found.images.records[row] != dataset.images.records[row] for row in range(10)]
  assert changed == [True] * 5 + [False] * 5
  assert (found.table["chain"] == np.where(changed, "recompress", "")).all()
  assert ((found.table["sha256"] != dataset.table["sha256"]) == changed).all()
  assert found.table["sha256"].is_unique
  assert found.images.data_digest != dataset.images.data_digest
  listed = pd.read_csv(tmp_path / "chains.csv")
  assert listed["file"].tolist() == [f"{k}.JPG" for k in range(5)]
  assert set(listed["chain"]) == {"recompress"}


def test_patches_of_what_trains_are_those_of_what_came_back_and_of_the_rest_as_they_were(dataset, tmp_path):
  config = quick(tmp_path, "recompress:1.0")
  found = augmenting.augmented(dataset, dataset.table.iloc[:5], config, tmp_path)
  before, after = (patch_dataset.open_patches(some, config) for some in (dataset, found))
  for row in range(10):
    now = {after.stored()(number).tobytes() for number in after.numbers(np.array([row]))}
    then = {before.stored()(number).tobytes() for number in before.numbers(np.array([row]))}
    assert now
    assert then
    assert (now == then) == (row >= 5)
    image = jpeg.decode(found.images.records[row])
    assert now == {image[y : y + 72, x : x + 72].tobytes() for y, x in patches.choose(image, after.choice)}


def test_the_same_call_gives_the_same_and_another_seed_another(dataset, tmp_path):
  config = quick(tmp_path, "resize:0.3,recompress:0.3")
  once, again = (augmenting.augmented(dataset, dataset.table, config, tmp_path) for _ in range(2))
  assert once.table.equals(again.table)
  assert once.images.data_digest == again.images.data_digest
  config.seed = 1
  other = augmenting.augmented(dataset, dataset.table, config, tmp_path)
  assert other.images.data_digest != once.images.data_digest


def test_no_image_becomes_smaller_than_the_input(dataset, tmp_path):
  config = quick(tmp_path, "resize:1.0")
  config.input.size = 128
  found = augmenting.augmented(dataset, dataset.table, config, tmp_path)
  assert (found.table[["width", "height"]].min(axis=1) >= 128).all()
  resized = found.table[found.table["chain"] == "resize"]
  assert 0 < len(resized) < 10
  for row in resized.itertuples():
    assert jpeg.decode(found.images.records[row.row]).shape == (row.height, row.width, 3)


def test_a_damaged_photograph_is_named_also_behind_a_chain():
  cut = CentreCrop([], 32)
  cut.records = Chained([jpegs.truncated()], {0: Chain("recompress", 90, "4:2:0", 1.0)})
  with pytest.raises(UserError, match="image 0 of the data set: damaged JPEG"):
    cut(0)
