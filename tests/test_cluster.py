import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.commands import cluster, rows
from fsim.commands.work.cluster import embed, scores
from fsim.models.mislnet import MislNet
from fsim.models.pair_scorers import PairScorer
from fsim.systems.model import fitted
from fsim.systems.model.fitted import FittedSimilarity
from tests import jpegs

SIZE = 72
RED, GREEN, BLUE = (180, 70, 70), (70, 180, 70), (70, 70, 180)


def untrained(net, *inputs):
  """Any positive parameters; to compile the usual initialisation would take longer than all else here."""
  shapes = jax.eval_shape(net.init, jax.random.key(0), *inputs)
  rng = np.random.default_rng(0)
  return jax.tree.map(lambda like: rng.uniform(0, 0.1, like.shape).astype(np.float32), shapes)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  """A run whose networks have learned nothing."""
  net, pair = MislNet(2, "green", 0.0, "max", True), PairScorer(8, 4, False)
  variables = untrained(net, jnp.zeros((1, SIZE, SIZE, 3), jnp.uint8))
  scorer = untrained(pair, *jnp.zeros((2, 1, 200)))
  folder = tmp_path_factory.mktemp("run")
  seen = {"count": 32, "colours": "green", "truncation": 0.0, "last_pool": "max", "block_shares": False}
  fields = seen | {"constrained": True, "classes": 2, "tile_front": "residual", "variables": variables, "tiles": {}}
  pairs = {
    "kind": "network",
    "hidden": 8,
    "width": 4,
    "product": False,
    "scorer": scorer,
    "zero": 0.0,
    "scatter": 0.0,
    "entropy": 1.0,
    "saturated": 0.1,
    "threshold": 0.5,
    "limit": 0.5,
    "dtype": "float32",
  }
  fitted.save(folder / "predictor", FittedSimilarity(size=SIZE, **fields, **pairs))
  return folder


@pytest.fixture
def colours(monkeypatch):
  """In the place of the networks: patches of one colour come from one model."""
  monkeypatch.setattr(fitted, "features", lambda _, pixels: pixels.mean((1, 2)))
  apart = lambda a, b: np.abs(a[:, None] - b[None]).max(2)  # noqa: E731
  monkeypatch.setattr(fitted, "log_odds", lambda _, a, b: (5 - apart(a, b) / 5).astype(np.float32))


def photo(folder, name, colour, blocks=(3, 4)):
  pixels = np.random.default_rng(len(name)).normal(colour, 5, (SIZE * blocks[0], SIZE * blocks[1], 3))
  (folder / name).write_bytes(jpegs.encode(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), quality=95))


@pytest.fixture(scope="module")
def album(tmp_path_factory):
  folder = tmp_path_factory.mktemp("album")
  for name, colour in (("a", RED), ("bb", RED), ("ccc", BLUE), ("dddd", RED), ("eeeee", GREEN)):
    photo(folder, f"{name}.jpg", colour)
  return folder


def test_images_that_do_not_belong_are_named(run, album, colours, tmp_path, capsys):
  assert cluster.main([str(album), f"--run={run}", f"--out={tmp_path / 'out'}"]) == 0
  outside = ", ".join(str(album / name) for name in ("ccc.jpg", "eeeee.jpg"))
  expected = f"5 images: 3 groups of 3, 1, 1; these do not belong to the largest: {outside}\n"
  assert capsys.readouterr().out == expected
  facts = json.loads((tmp_path / "out" / "groups.json").read_text())
  assert [row["group"] for row in facts["images"]] == [1, 1, 2, 1, 3]
  assert [[name.rsplit("/", 1)[-1] for name in names] for names in facts["groups"]] == [
    ["a.jpg", "bb.jpg", "dddd.jpg"],
    ["ccc.jpg"],
    ["eeeee.jpg"],
  ]
  assert facts["not_in_the_largest"] == [facts["files"][2], facts["files"][4]]
  log_odds = np.array(facts["log_odds"])
  assert log_odds[0, 1] == pytest.approx(5, abs=0.5)
  assert log_odds[2, 0] == log_odds[0, 2] == pytest.approx(5 - 110 / 5, abs=0.5)
  with Image.open(tmp_path / "out" / "groups.png") as picture:
    assert min(picture.size) > 300


def test_bad_and_textureless_images_are_named_and_the_others_grouped(run, album, colours, tmp_path, capsys):
  (tmp_path / "broken.jpg").write_bytes(jpegs.truncated())
  (tmp_path / "flat.jpg").write_bytes(jpegs.encode(Image.new("RGB", (256, 256), GREEN)))
  photo(tmp_path, "small.jpg", RED, blocks=(1, 3))
  good = [str(album / name) for name in ("a.jpg", "bb.jpg")]
  arguments = [*good, str(tmp_path), str(tmp_path / "absent.jpg"), f"--run={run}"]
  assert cluster.main(arguments) == 1
  captured = capsys.readouterr()
  answer, *silent = captured.out.strip().splitlines()
  assert answer == "2 images: all from one model"
  assert [line.rsplit("/", 1)[-1] for line in silent] == [
    f"{name}.jpg: no statement, fewer than 4 usable patches" for name in ("flat", "small")
  ]
  assert f"fsim: {tmp_path / 'broken.jpg'}: " in captured.err
  assert f"fsim: {tmp_path / 'absent.jpg'}: No such file or directory" in captured.err
  assert cluster.main([*arguments, "--json"]) == 1
  rows = {row["file"].rsplit("/", 1)[-1]: row for row in json.loads(capsys.readouterr().out)["images"]}
  assert (rows["a.jpg"]["group"], rows["a.jpg"]["patches"]) == (1, 12)
  assert (rows["small.jpg"]["answer"], rows["small.jpg"]["patches"]) == ("no statement", 3)
  assert (rows["flat.jpg"]["answer"], rows["flat.jpg"]["patches"]) == ("no statement", 0)
  assert "error" in rows["broken.jpg"]


def test_the_networks_of_the_run_give_the_scores(run, album, capsys):
  known = fitted.load(run / "predictor")
  rows, features = embed(known, sorted(album.glob("[ab]*.jpg")))
  assert [row["patches"] for row in rows] == [12, 12]
  expected = float(fitted.image_log_odds(known, features[:1], features[1:])[0, 0])
  np.testing.assert_allclose(scores(known, features), [[0, expected], [expected, 0]], rtol=1e-4)


def test_copies_are_named_and_left_out(run, album, colours, tmp_path, capsys):
  data = (album / "a.jpg").read_bytes()
  (tmp_path / "again.jpg").write_bytes(data)
  (tmp_path / "with_comment.jpg").write_bytes(data[:2] + b"\xff\xfe\x00\x04hi" + data[2:])
  first = str(album / "a.jpg")
  assert cluster.main([first, str(album / "bb.jpg"), str(tmp_path), f"--run={run}", "--json"]) == 0
  captured = capsys.readouterr()
  facts = json.loads(captured.out)
  assert facts["answer"] == "2 images: all from one model"
  assert [row.get("copy_of") for row in facts["images"]] == [None, None, first, first]
  assert f"fsim: {tmp_path / 'with_comment.jpg'}: left out, a copy of {first}" in captured.err


def test_groups_never_replace_what_is_not_theirs(run, album, colours, tmp_path, capsys):
  (tmp_path / "groups.png").write_bytes(b"my picture")
  with pytest.raises(UserError, match=r"groups\.png: exists and is not as fsim wrote it"):
    cluster.main([str(album), f"--run={run}", f"--out={tmp_path}"])
  assert (tmp_path / "groups.png").read_bytes() == b"my picture"
  with pytest.raises(UserError, match="not a folder"):
    cluster.main([str(album), f"--run={run}", f"--out={tmp_path / 'groups.png'}"])
  assert capsys.readouterr().out == ""  # Before the work.


def test_a_former_picture_does_not_stay_beside_no_statement(run, album, colours, tmp_path, capsys):
  assert cluster.main([str(album), f"--run={run}", f"--out={tmp_path}"]) == 0
  assert (tmp_path / "groups.png").exists()
  assert cluster.main([str(album / "a.jpg"), f"--run={run}", f"--out={tmp_path}"]) == 0
  assert "no statement: two images with 4 usable patches are needed" in capsys.readouterr().out
  assert not (tmp_path / "groups.png").exists()


def test_names_are_drawn_and_printed_whatever_their_letters(run, album, colours, tmp_path, capsys):
  for name in ("a$_$.jpg", "写真.jpg"):
    photo(tmp_path, name, RED)
  photo(tmp_path, "new\nline.jpg", BLUE)
  assert cluster.main([str(tmp_path), f"--run={run}", f"--out={tmp_path / 'out'}"]) == 0
  assert capsys.readouterr().out.strip().endswith(f"do not belong to the largest: {tmp_path}/new\\nline.jpg")
  assert cluster.main([str(tmp_path), f"--run={run}", f"--out={tmp_path / 'out'}"]) == 0  # Its own picture is no image.


def test_an_interruption_is_one_line(run, album, monkeypatch, capsys):
  def interrupted(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(rows, "read_all", interrupted)
  assert console.run(cluster.main, [str(album), f"--run={run}"]) == 130
  assert capsys.readouterr().err == "fsim: interrupted; nothing is kept: the same command begins anew\n"


def test_what_cannot_be_meant_is_refused(run, album, tmp_path):
  with pytest.raises(UserError, match="no finished run of the system model: the folder predictor is missing"):
    cluster.main([str(album), f"--run={tmp_path}"])
  with pytest.raises(UserError, match="no JPEG files in this folder"):
    cluster.main([str(tmp_path), f"--run={run}"])
