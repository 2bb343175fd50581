"""The benchmark that pastes photographs into one another: which ones, what happens to them, and what is counted."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks import splicing as benchmark
from benchmarks.splicing import Change
from fsim.boundary.errors import UserError
from fsim.data import sources
from fsim.data.source import Images
from fsim.virtual import splice
from tests import known_cameras, predictors
from tests.fitted_similarity import texture

SIDE = 288


def opened(folder):
  return sources.opened(str(folder))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
  folder = tmp_path_factory.mktemp("splices")
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("TFDS_DATA_DIR", str(folder / "data"))
    kinds = {"Fine_A_0": "fine", "Coarse_B_0": "coarse", "Coarse_B_1": "coarse"}
    yield known_cameras.made(folder / "photos", kinds, scenes=2, images=1, side=SIDE)


@given(st.integers(40, 160), st.integers(40, 160), st.sampled_from([0.5, 0.75, 1.3]), st.integers(0, 99))
def test_the_mask_follows_the_photograph_when_it_is_resized(h, w, factor, seed):
  mask = splice.region(np.random.default_rng(seed), h, w, 0.2)
  image = np.repeat(np.where(mask, 250, 5).astype(np.uint8)[..., None], 3, 2)
  after = benchmark.changed(image, Change(factor, 90))
  followed = benchmark.follow(mask, after.shape[:2])
  assert followed.shape == after.shape[:2] == (round(h * factor), round(w * factor))
  assert ((after[..., 1] > 127) == followed).mean() > 0.96  # All but the outline.


def test_changes_are_what_their_names_say():
  image = texture("coarse", 96, 96)
  assert benchmark.changed(image, Change(None, None)) is image
  rough, fine = (benchmark.changed(image, Change(None, quality)).astype(int) for quality in (30, 95))
  assert np.abs(rough - image).mean() > np.abs(fine - image).mean() > 0
  names = [str(Change(None, None)), str(Change(None, 75)), str(Change(0.75, 90))]
  assert names == [benchmark.ORIGINAL, "75", "resized by 0.75, 90"]


def pairs_of(images, count=12):
  made = list(benchmark.cases(images, count, SIDE, (0.05, 0.1), 0, None))
  return [(images.table.iloc[case.host_row], images.table.iloc[case.donor_row]) for case in made]


def test_hosts_and_donors_are_of_two_models_and_two_scenes(photos):
  images = opened(photos)
  found = pairs_of(images)
  assert len(found) == 12
  assert all(host["model"] != donor["model"] for host, donor in found)
  one = images.table.assign(scene=np.where(images.table["shot"] == 0, "here", "there"))
  assert all(host["scene"] != donor["scene"] for host, donor in pairs_of(images._replace(table=one)))
  alone = images.table.assign(scene="here")
  assert pairs_of(images._replace(table=alone)) == []
  unknown = images.table.assign(scene="")
  assert len(pairs_of(images._replace(table=unknown))) == 12


def test_one_model_under_two_names_is_no_pair(photos):
  images: Images = opened(photos)
  named = images.table["model"].map({"Fine_A": "Canon_RebelT5i", "Coarse_B": "Canon_700D"})
  with pytest.raises(UserError, match="natural photographs of two camera models"):
    pairs_of(images._replace(table=images.table.assign(model=named)))


def judged(n=6):
  """Values of splices into two hosts' devices from a third, as the benchmark has them."""
  rng = np.random.default_rng(0)
  rows = pd.DataFrame({"image": range(n), "compressed": benchmark.ORIGINAL, "host": [f"{k % 4}.JPG" for k in range(n)]})
  rows["host_device"], rows["donor_device"] = [f"d{k % 2}" for k in range(n)], "d2"
  rows["host_model"], rows["donor_model"] = rows["host_device"].str.upper(), "D2"
  for name in benchmark.Found._fields:
    rows[name] = rng.uniform(size=n)
  rows["whole"], rows["spliced"] = np.linspace(0, 0.4, n), np.linspace(0.5, 0.9, n)
  rows["falsely_marked"] = [0.0, 0.1, 0.2, 0.9, 0.0, 0.1][:n]
  return rows


def test_the_median_is_over_hosts_each_once_and_over_those_without_a_map_of_their_splice():
  rows = judged()
  assert benchmark.line(rows)["falsely_marked, median"].startswith("0.150")  # Of 0, .1, .2 and .9.
  rows.loc[[1, 5], ["whole", "spliced", "auc"]] = np.nan
  assert benchmark.line(rows)["images"] == 4
  assert benchmark.line(rows)["falsely_marked, median"].startswith("0.150")
  assert benchmark.line(rows)["image_auc"] == "1.000 [1.000, 1.000]"


def test_the_auc_of_images_is_the_librarys():
  rows, weight = judged(), np.array([3, 0, 1, 2, 0, 1])
  rows["whole"], rows["spliced"] = [0.1, 0.5, 0.4, 0.4, 0.2, 0.3], [0.3, 0.2, 0.4, 0.6, 0.9, 0.1]
  truth, score = np.repeat([False, True], 6), np.concatenate([rows["whole"], rows["spliced"]])
  assert benchmark.image_auc(rows, weight) == pytest.approx(
    roc_auc_score(truth, score, sample_weight=np.tile(weight, 2))
  )


def test_intervals_are_over_devices():
  rows = judged()
  rows["auc"] = np.where(rows["host_device"] == "d0", 0.2, 0.8)
  assert benchmark.interval(rows, benchmark.mean_of("auc")) == "0.500 [0.200, 0.800]"
  rows["auc"] = 0.7
  assert benchmark.interval(rows, benchmark.mean_of("auc")) == "0.700 [0.700, 0.700]"


def test_tables_by_model_have_the_means_of_its_images():
  rows = judged()
  found = benchmark.by_model(rows, "host").set_index("host_model")
  assert found["images"].tolist() == [3, 3]
  assert found.loc["D1", "auc"] == pytest.approx(rows["auc"][1::2].mean())
  assert benchmark.by_model(rows.drop(columns="whole"), "host").empty


def test_a_folder_of_photographs_is_spliced_judged_and_shown(photos, tmp_path, capsys):
  run, out = predictors.model_run(tmp_path / "run"), tmp_path / "out"
  more = [
    "--images=3",
    "--quality",
    "90",
    "--examples=1",
    f"--originals={photos}",
    f"--json={tmp_path / 'values.json'}",
  ]
  assert benchmark.main([f"--run={run}", f"--photos={photos}", "--share", ".1", ".2", f"--out={out}", *more]) == 0
  said = capsys.readouterr().out
  assert "6 untouched photographs, 0 without a statement; share marked: median 0.0000" in said
  for name in ("as it is, by model of the host", "as it is, by model of the donor", "resized by 0.75, 90", "image_auc"):
    assert name in said
  values = pd.DataFrame(json.loads((tmp_path / "values.json").read_text()))
  assert len(values) == 9
  assert values.loc[values["compressed"] == benchmark.ORIGINAL, "auc"].min() > 0.8
  tables = {"images.csv", "host_models.csv", "donor_models.csv", "originals.csv"}
  assert {path.name for path in out.iterdir() if path.name[0] != "."} == tables | {"splice_000.png"}
  assert (out / "splice_000.png").read_bytes().startswith(b"\x89PNG")
