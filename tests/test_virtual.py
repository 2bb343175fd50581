"""Virtual collections: reproducible, resumable, the same scenes for all, and told apart by nothing but their traces."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fsim import virtual
from fsim.virtual import camera, dataset, lens, many_models, scene, shots
from fsim.virtual.presets import PRESETS, Presets
from fsim.virtual.seeds import generator

TINY = PRESETS["virtual/tiny"]
SMALL = dataclasses.replace(TINY, scenes=2, devices=(2, 1), studied=1, flat_fields=1, darks=1, side=96)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
  folder = tmp_path_factory.mktemp("tiny")
  virtual.make("virtual/tiny", folder, workers=1)
  return folder


def contents(folder):
  return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_tiny_preset_is_named_and_described_as_dresden(tiny):
  table = pd.read_csv(tiny / "metadata.csv", skipinitialspace=True)
  assert list(table.columns) == shots.COLUMNS.split(",")
  assert len(table) == 2 * 2 * (6 + 2)
  for row in table.itertuples():
    assert row.filename == f"{row.brand}_{row.model}_{row.instance}_{row.shot}.JPG"
    with Image.open(tiny / row.subset / row.filename) as image:
      assert image.size == (128, 128)
      assert (image.getexif()[271], image.getexif()[272]) == (row.brand, row.model)
  natural = table[table.subset == "natural"]
  assert (
    natural.groupby(["brand", "model", "instance"]).apply(lambda d: len(set(d.position_num * 10 + d.motive_num))) == 6
  ).all()
  assert table[table.subset == "flat-field"].position_num.isna().all()


def test_two_processes_write_the_bytes_of_one(tmp_path):
  for workers in (1, 2):
    virtual.write(SMALL, tmp_path / str(workers), workers, (0, 1))
  assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_an_interrupted_collection_is_completed_and_nothing_made_twice(tmp_path, monkeypatch):
  virtual.write(SMALL, tmp_path, 1, (0, 1))
  whole = contents(tmp_path)
  for name in sorted(whole)[2:5]:
    (tmp_path / name).unlink()
  (tmp_path / "metadata.csv").unlink()
  made = []
  picture = dataset.picture
  monkeypatch.setattr(dataset, "picture", lambda *frame: made.append(frame) or picture(*frame))
  virtual.write(SMALL, tmp_path, 1, (0, 1))
  assert contents(tmp_path) == whole
  assert len(made) == 3


def test_a_finished_collection_is_left_untouched(tiny):
  before = {path: path.stat().st_mtime_ns for path in tiny.rglob("*")}
  virtual.make("virtual/tiny", tiny, workers=1)
  assert {path: path.stat().st_mtime_ns for path in tiny.rglob("*")} == before


def test_shards_together_are_the_whole(tmp_path):
  virtual.write(SMALL, tmp_path / "whole", 1, (0, 1))
  virtual.write(SMALL, tmp_path / "parts", 1, (1, 2))
  assert not (tmp_path / "parts" / "metadata.csv").exists()
  virtual.write(SMALL, tmp_path / "parts", 1, (0, 2))
  assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
  with pytest.raises(ValueError, match="shard 2/2"):
    virtual.write(SMALL, tmp_path / "parts", 1, (2, 2))


def test_a_folder_of_other_cameras_is_refused(tmp_path):
  virtual.write(SMALL, tmp_path, 1, (0, 1))
  with pytest.raises(ValueError, match="other settings"):
    virtual.write(dataclasses.replace(SMALL, seed=2), tmp_path, 1, (0, 1))
  with pytest.raises(ValueError, match="unknown preset 'virtual/tinny'"):
    virtual.make("virtual/tinny", tmp_path, 1)


def test_no_frame_depends_on_what_was_made_before():
  frames = shots.frames(SMALL)
  alone = dataset.picture(SMALL, frames[3])
  for frame in frames[:3]:
    dataset.picture(SMALL, frame)
  assert dataset.picture(SMALL, frames[3]) == alone


def test_a_study_of_compression_grows_smaller_and_dark_frames_are_dark():
  study = [f for f in shots.frames(SMALL) if f.subset == "jpeg" and f.model == 0 and f.instance == 0]
  fine, basic = (dataset.picture(SMALL, dataclasses.replace(study[0], quality=q)) for q in (0.6, 2.2))
  assert len(basic) < 0.8 * len(fine)
  dark = next(f for f in shots.frames(SMALL) if f.subset == "dark")
  assert np.asarray(Image.open(io.BytesIO(dataset.picture(SMALL, dark)))).mean() < 40


def test_presets_have_the_multiplicities_that_they_name():
  dresden, phones = PRESETS["virtual/dresden"], PRESETS["virtual/phones"]
  assert (len(dresden.models), sum(dresden.devices), dresden.scenes) == (27, 74, 83)
  assert sum(n for n in dresden.devices if n > 1) == 66
  assert {f.subset for f in shots.frames(dresden)} == {"natural", "flat-field", "dark", "jpeg"}
  models = PRESETS["virtual/models"]
  assert (models.devices.count(2), models.devices.count(1)) == (18, 10)
  assert len({(m.make, m.name) for m in models.models}) == 28
  assert len({(m.make, m.name.split("-")[0]) for m in phones.models}) == 3
  assert len(phones.models) == 5


def test_siblings_share_their_brands_way_and_no_two_models_are_alike():
  models = PRESETS["virtual/similarity"].models
  assert len(models) == 260
  assert len({(m.lens, m.sensor, m.pipeline, m.encoder) for m in models}) == 260
  for brand in range(len(many_models.WIDER)):
    siblings = many_models.wide()[3 * brand : 3 * brand + 3]
    assert (
      len({(m.make, m.pipeline.contrast, m.pipeline.matrix, m.encoder.rise, m.encoder.bend) for m in siblings}) == 1
    )
    assert len({m.lens.blur for m in siblings}) == 3
  assert many_models.roam("Maker0", "1") == many_models.wide()[0]


@pytest.mark.parametrize("name", PRESETS)
def test_names_fit_dresdens_pattern_and_no_two_files_share_one(name):
  preset = PRESETS[name]
  for model in preset.models:
    assert not set("_ /") & set(model.make + model.name)
  names = [shots.path(preset, frame).name for frame in shots.frames(preset)]
  assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", PRESETS)
def test_every_model_photographs_at_its_own_shape(name):
  preset = dataclasses.replace(PRESETS[name], side=64)
  for number, model in enumerate(preset.models):
    frame = shots.Frame("natural", 0, number, 0, 1, 1.0)
    with Image.open(io.BytesIO(dataset.picture(preset, frame))) as image:
      assert sorted(image.size) == sorted(camera.size(model, 64))


@pytest.mark.parametrize("position", range(1, len(scene.KINDS) + 1))
def test_scenes_have_range_and_fine_detail_and_are_always_the_same(position):
  canvas = scene.render(0, position, 1, 256)
  np.testing.assert_array_equal(canvas, scene.render(0, position, 1, 256))
  assert canvas.dtype == np.float32
  assert canvas.min() > 0
  assert np.quantile(canvas, 0.99) / np.quantile(canvas, 0.01) > 5
  spectrum = np.abs(np.fft.fft2(np.log(canvas[1]))) ** 2
  assert 0 < spectrum[100:128, :28].mean() < 0.01 * spectrum[2:10, 2:10].mean()
  assert not np.array_equal(canvas, scene.render(0, position, 2, 256))


def test_a_step_of_the_camera_moves_the_picture_by_as_much():
  canvas = scene.render(0, 1, 1, 256)
  plain = lens.Lens(0.5, 0.0, (0.0, 0.0), 0.0, 0.0)
  here = lens.project(canvas, plain, lens.View((0.0, 0.0), 0.0, 1.0, 0), 64, 64, 0.0, 1.0)
  there = lens.project(canvas, plain, lens.View((0.0, 8 / 64), 0.0, 1.0, 0), 64, 64, 0.0, 1.0)
  np.testing.assert_allclose(there[:, 4:-4, 4:-12], here[:, 4:-4, 12:-4], atol=1e-3)


def test_a_turned_camera_sees_the_scene_turned():
  canvas = scene.render(0, 1, 1, 256)
  plain = lens.Lens(0.5, 0.0, (0.0, 0.0), 0.0, 0.0)
  level, turned = (lens.project(canvas, plain, lens.View((0.0, 0.0), 0.0, 1.0, k), 64, 64, 0.0, 1.0) for k in (0, 1))
  np.testing.assert_allclose(np.rot90(turned, -1, (1, 2)), level, atol=0.02)


def test_vignetting_darkens_corners_and_aberration_spreads_colours():
  grey = np.ones((3, 256, 256), np.float32)
  grey[:, :, 200:] = 2
  own = lens.Lens(0.5, 0.3, (2e-2, -2e-2), 0.0, 0.0)
  light = lens.project(grey, own, lens.View((0.0, 0.0), 0.0, 1.0, 0), 64, 64, 0.0, 1.0)
  assert light[1, 0, 0] == pytest.approx(0.7 * light[1, 32, 32], rel=0.02)
  assert np.abs(light[0] - light[2]).max() > 0.05


def test_shots_do_not_know_their_camera():
  frames = [dataclasses.astuple(camera.draw(generator(0, "shot", k), 0.0)) for k in range(200)]
  assert len(set(frames)) == 200
  assert np.std([shot[1] for shot in frames]) > 0.3  # Stops: exposure differs more than any two models do.


def test_the_names_of_collections_are_told_without_making_them():
  assert tuple(virtual.PRESETS) == virtual.NAMES


def test_a_collection_is_drawn_when_it_is_first_asked_for():
  drawn = []
  presets = Presets({name: lambda name=name: drawn.append(name) or TINY for name in "ab"})
  assert ("a" in presets, "c" in presets, len(presets), list(presets)) == (True, False, 2, ["a", "b"])
  assert drawn == []
  assert presets["b"] is presets["b"] is TINY
  assert drawn == ["b"]
  with pytest.raises(KeyError):
    presets["c"]
