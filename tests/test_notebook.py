"""Every Python block of docs/notebook.md, in their order and in one namespace, as a reader runs them."""

import re

import pytest

from fsim import weights
from fsim.systems.model.predictor import SimilarityPredictor
from tests import predictors
from tests.commands import ROOT

BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "notebook.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names(tmp_path_factory):
  """What the blocks so far have defined, and a current folder with finished runs in it."""
  folder = tmp_path_factory.mktemp("notebook")
  predictors.device_run(folder / "runs" / "device")
  predictors.model_run(folder / "runs" / "model")
  predictors.patch_run(folder / "runs" / "patch")
  with pytest.MonkeyPatch.context() as patch:
    patch.chdir(folder)
    patch.setattr(weights, "FOLDER", predictors.weights(folder / "shipped").parent)
    yield {}


def test_the_page_has_blocks():
  assert len(BLOCKS) >= 10


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_runs(number, names):
  exec(compile(BLOCKS[number], f"block {number} of docs/notebook.md", "exec"), names)


def test_the_page_shows_what_it_says(names):
  """After all blocks."""
  assert names["images"][0].shape == (*names["residual"].shape, 3)
  assert names["answer"].answer in ("match", "no match found")
  assert all("one of those the fingerprint was made of" in answer.reason for answer in names["answers"][1:])
  assert names["one"].threshold > names["answer"].threshold
  assert names["turned"].n_hypotheses == 8
  assert names["signatures"].vectors.shape == (len(names["images"]), 1024)
  assert names["between"].ndim == 2
  assert isinstance(names["shipped"], SimilarityPredictor)
  assert len(names["train"]) == len(names["originals"])
