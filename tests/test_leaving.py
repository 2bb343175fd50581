"""Files that a command does not use."""

from fsim.boundary import console
from fsim.data import photographs
from fsim.prnu import leaving
from fsim.prnu.leaving import LeftOut
from tests import jpegs


def test_a_link_to_itself_is_named_like_other_files(tmp_path, capsys):
  (tmp_path / "a.jpg").write_bytes(jpegs.jpeg())
  for name in ("round", "round.jpg"):
    (tmp_path / name).symlink_to(tmp_path / name)
  (tmp_path / "out").mkdir()
  (tmp_path / "out" / "ours").write_text("x")
  left_out = LeftOut(stop=False)
  left_out.passed_over(photographs.find([tmp_path]), own=tmp_path / "out")
  said = {entry["file"]: entry["cause"] for entry in left_out.entries}
  assert said.keys() == {str(tmp_path / "round"), str(tmp_path / "round.jpg")}
  assert left_out.code() == console.INCOMPLETE
  assert "Too many levels of symbolic links" in said[str(tmp_path / "round")]


def test_of_many_pairs_that_show_the_same_some_are_named_and_all_counted(tmp_path, capsys):
  leaving.note_alike([(tmp_path / "a\n.jpg", tmp_path / f"{k}.jpg") for k in range(leaving.NAMED + 5)])
  said = capsys.readouterr().err.splitlines()
  assert len(said) == leaving.NAMED + 1
  assert said[0] == f"fsim: no statement about {tmp_path}/a\\n.jpg and {tmp_path}/0.jpg: both show the same"
  assert said[-1] == "fsim: nor about 5 pairs more, which show the same too"
