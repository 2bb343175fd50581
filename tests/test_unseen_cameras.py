"""The benchmark of camera models that a network was not trained on: what its tables say of whom is taken for whom."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks import model_wins, unseen_cameras
from fsim import weights
from fsim.boundary.errors import UserError
from tests import known_cameras, predictors

DEVICES = np.repeat(["A_0", "A_1", "B_0", "C_0", "D_0"], [4, 3, 5, 4, 2])
MODELS = np.array([device[0] for device in DEVICES])


def scored(seed=0, alike=()):
  """Log-odds, rounded so that some are equal: larger within a model, and between those that are alike."""
  rng = np.random.default_rng(seed)
  noise = rng.normal(0, 1, (len(MODELS),) * 2)
  like = MODELS[:, None] == MODELS
  for one, two in alike:
    pair = np.isin(MODELS, [one, two])
    like |= pair[:, None] & pair
  return np.round(2 * like + (noise + noise.T) / 2, 1)


def direct(values, own, other):
  """AUC of pairs, given as a mask of the square."""
  upper = np.triu(np.ones(values.shape, bool), 1)
  own, other = values[upper & own], values[upper & other]
  return roc_auc_score(np.repeat([True, False], [len(own), len(other)]), np.concatenate([own, other]))


@pytest.fixture(scope="module")
def values():
  return scored(alike=["BC"])


@pytest.fixture(scope="module")
def ways(values):
  return {"images": model_wins.of_draw(DEVICES, MODELS, values)}


SAME = MODELS[:, None] == MODELS
DEVICE = DEVICES[:, None] == DEVICES


def touching(names, what):
  inside = np.isin(what, names)
  return inside[:, None] | inside


def test_all_pairs_are_what_the_closing_lines_are_made_of(ways, values):
  (row,) = model_wins.overall(ways).to_dict("records")
  assert row["value"] == pytest.approx(unseen_cameras.auc(MODELS, values)) == pytest.approx(direct(values, SAME, ~SAME))
  for unit in ("models", "devices"):
    assert row[f"low_{unit}"] < row["value"] < row[f"high_{unit}"]


def test_of_a_model_its_own_pairs_stand_against_those_with_others(ways, values):
  found = model_wins.by_model(ways).set_index("model")
  for model in "ABCD":
    own = touching([model], MODELS)
    assert found.loc[model, "images"] == pytest.approx(direct(values, own & SAME, own & ~SAME))
    assert found.loc[model, "images: low"] <= found.loc[model, "images"] <= found.loc[model, "images: high"]
  assert found.loc[["B", "C"], "images"].max() < found.loc[["A", "D"], "images"].min()
  assert found["count"].to_dict() == {"A": 21, "B": 10, "C": 6, "D": 1}


def test_of_a_device_it_is_told_whether_its_model_is_known_by_another(ways, values):
  found = model_wins.by_device(ways).set_index("device")
  own = touching(["A_0"], DEVICES)
  assert found.loc["A_0", "images"] == pytest.approx(direct(values, own & SAME, own & ~SAME))
  assert found.loc["A_0", "images: other device"] == pytest.approx(direct(values, own & SAME & ~DEVICE, own & ~SAME))
  assert found.loc["A_0", "images: device told"] == pytest.approx(direct(values, own & DEVICE, own & SAME & ~DEVICE))
  assert np.isnan(found.loc["B_0", "images: other device"])


def test_the_worst_pair_of_models_is_the_one_that_is_alike(ways, values):
  found = model_wins.by_pair(ways).sort_values("images")
  assert found.iloc[0][["model_a", "model_b", "count"]].tolist() == ["B", "C", 20]
  both = np.isin(MODELS, ["B", "C"])
  inside = both[:, None] & both
  assert found.iloc[0]["images"] == pytest.approx(direct(values, inside & SAME, inside & ~SAME))


def test_draws_are_averaged(values):
  draws = [model_wins.of_draw(DEVICES, MODELS, scored(seed)) for seed in range(3)]
  (row,) = model_wins.overall({"images": model_wins.mean(draws)}).to_dict("records")
  assert row["value"] == pytest.approx(np.mean([unseen_cameras.auc(MODELS, scored(seed)) for seed in range(3)]))


def test_intervals_are_of_cameras_that_are_drawn_and_of_nothing_else(ways):
  wins = ways["images"]
  own, other = np.ones(len(wins.same), bool), model_wins.of_two(wins)
  assert np.isnan(model_wins.interval(wins, own, other, ["same"] * 5)).all()
  assert np.isnan(model_wins.interval(wins, own, other, wins.models, fixed=("A", "B", "C"))).all()
  perfect = wins._replace(won=np.ones_like(wins.won))
  assert model_wins.interval(perfect, own, other, wins.models) == (1, 1)


def test_controls_are_the_pairs_of_their_models_and_all_else_is_the_rest(ways, values):
  wanted = {"flowers": ("B", "C"), "one alone": ("A", "not there")}
  found = unseen_cameras.controls(ways, wanted).set_index("control")
  assert found.index.tolist() == ["flowers", "all but these pairs"]
  both = np.isin(MODELS, ["B", "C"])
  inside = both[:, None] & both
  assert found.loc["flowers", "images"] == pytest.approx(direct(values, inside & SAME, inside & ~SAME))
  assert found.loc["all but these pairs", "images"] == pytest.approx(direct(values, SAME, ~SAME & ~inside))
  assert unseen_cameras.controls(ways, {"nothing": ("x", "y")}).empty


KINDS = {"Fine_A_0": "fine", "Fine_A_1": "fine", "Fine_Twin_0": "fine", "Coarse_B_0": "coarse"}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
  folder = tmp_path_factory.mktemp("unseen")
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("TFDS_DATA_DIR", str(folder / "data"))
    yield known_cameras.made(folder / "photos", KINDS, scenes=1, images=3)


def test_tables_stand_before_the_closing_lines_and_in_a_folder(photos, tmp_path, capsys):
  run = predictors.model_run(tmp_path / "run")
  more = ["--draws=2", "--most=2", f"--out={tmp_path / 'out'}", "--control", "Fine_A", "Fine_Twin"]
  assert unseen_cameras.main([f"--run={run}", f"--photos={photos}", *more]) == 0
  said = capsys.readouterr().out
  assert said.count("95 %") >= 3
  closing = said.splitlines()[-4:]
  assert closing[0] == "8 images a draw, 3 models; mean and standard deviation over draws"
  assert closing[1].split() == ["patches", "images", "images,", "mean", "features", "images,", "colour", "alone"]
  files = {path.stem: pd.read_csv(path) for path in (tmp_path / "out").glob("*.csv")}
  assert sorted(files) == ["controls", "devices", "models", "overall", "pairs"]
  assert float(closing[2].split()[2]) == pytest.approx(
    files["overall"].set_index("way").loc["images", "value"], abs=6e-4
  )
  assert files["pairs"].loc[0, ["model_a", "model_b"]].tolist() == ["Fine_A", "Fine_Twin"]
  assert files["pairs"]["images"].tolist() == sorted(files["pairs"]["images"])
  assert files["controls"].loc[0, "images"] == pytest.approx(files["pairs"].loc[0, "images"])
  assert (tmp_path / "out" / "unseen_cameras.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_run_the_weights_that_came_with_fsim_answer(photos, tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(weights, "FOLDER", predictors.weights(tmp_path / "shipped").parent)
  assert unseen_cameras.main([f"--photos={photos}", "--draws=2"]) == 0
  assert "the weights that came with fsim answer: camera_models" in capsys.readouterr().err


def test_what_cannot_be_judged_is_told(photos, tmp_path, monkeypatch, capsys):
  run = predictors.model_run(tmp_path / "run")
  with pytest.raises(UserError, match="there is no model Nikon_D70; there are Coarse_B, Fine_A, Fine_Twin"):
    unseen_cameras.main([f"--run={run}", f"--photos={photos}", "--without", "Nikon_D70"])
  with pytest.raises(UserError, match="pairs of two camera models are needed"):
    unseen_cameras.main([f"--run={run}", f"--photos={photos}", "--without", "Fine_A", "Fine_Twin"])
  (tmp_path / "none").mkdir()
  monkeypatch.setattr(weights, "FOLDER", tmp_path / "none")
  with pytest.raises(SystemExit):
    unseen_cameras.main([f"--photos={photos}"])
  assert "no weights came with this fsim" in capsys.readouterr().err
