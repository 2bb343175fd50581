"""Git repositories with photographs, as a host serves them, and the rows of a recipe that cuts crops out of them."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from fsim.data.public import cutting
from fsim.data.public.recipe import Crop
from tests import jpegs

SERVES = {"uploadpack.allowFilter": "true", "uploadpack.allowAnySHA1InWant": "true", "gc.auto": "0"}  # As hosts do.
AUTHOR = {f"GIT_{role}_{what}": "a@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
SIDE, X, Y = 32, 16, 32
COLUMNS = (
  "filename,brand,model,instance,shot,position_num,position_name,motive_num,motive_name,subset,crop_x,crop_y,side,"
  "repository,commit,path,git_blob,sha256,licence"
)
MODELS = ("Aurel_K1", "Aurel_K2", "Boreas_P20", "Boreas_P30", "Corvus_C1", "Corvus_C2")
SCENES = 3


class Host(NamedTuple):
  """folder: holds OWNER/NAME. crops: all that can be cut from the photographs in them; tables: a CSV a set."""

  folder: Path
  crops: list[Crop]
  tables: dict[str, bytes]

  @property
  def address(self) -> str:
    return f"file://{self.folder}"


def git(folder: Path, *arguments: str) -> str:
  environment = os.environ | AUTHOR | {"GIT_CONFIG_GLOBAL": os.devnull}
  done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
  return done.stdout.strip()


def repository(folder: Path, files: dict[str, bytes]) -> tuple[str, dict[str, str]]:
  """A repository with these files in one commit, and others in a later one: (commit, path -> blob)."""
  folder.mkdir(parents=True)
  git(folder, "init", "--quiet")
  for name, value in SERVES.items():
    git(folder, "config", name, value)
  for path, data in files.items():
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(data)
  git(folder, "add", ".")
  git(folder, "commit", "--quiet", "--message=photographs")
  commit = git(folder, "rev-parse", "HEAD")
  blobs = {path: git(folder, "rev-parse", f"HEAD:{path}") for path in files}
  (folder / "later.jpg").write_bytes(jpegs.jpeg(999))
  git(folder, "add", ".")
  git(folder, "commit", "--quiet", "--message=more")
  return commit, blobs


def host(folder: Path) -> Host:
  """Two sets in three repositories: of six models a photograph of three scenes each, and files that nobody asks for."""
  crops, rows = [], {"opencams/train": [COLUMNS], "realcams": [COLUMNS]}
  owned = {"ann/aerial": MODELS[:2], "bob/bricks": MODELS[2:4], "bob/castle": MODELS[4:]}
  for number, (name, models) in enumerate(owned.items()):
    shots = [(model, scene) for model in models for scene in range(SCENES)]
    photographs = {f"pictures of/{m}_{s}.jpg": photograph(100 * number + k) for k, (m, s) in enumerate(shots)}
    commit, blobs = repository(folder / name, photographs | {"unwanted.jpg": photograph(1000 + number)})
    of = "realcams" if name == "bob/castle" else "opencams/train"
    for (model, scene), (path, data) in zip(shots, photographs.items(), strict=True):
      file = f"{model}_0_{scene}.JPG"
      digest = hashlib.sha256(cutting.cut(data, X, Y, SIDE)).hexdigest()
      crops.append(Crop(of, "natural", file, name, commit, path, blobs[path], X, Y, SIDE, digest))
      make, _, rest = model.partition("_")
      labels = f"{file},{make},{rest},0,{scene},{number},place,{scene},thing,natural,{X},{Y},{SIDE}"
      rows[of].append(f"{labels},{name},{commit},{path},{blobs[path]},{digest},MIT")
  return Host(folder, crops, {name: ("\n".join(lines) + "\n").encode() for name, lines in rows.items()})


def photograph(seed: int) -> bytes:
  """80x96 pixels, with metadata, in colours of full resolution."""
  return jpegs.jpeg(seed, 80, 96, quality=90, subsampling="4:4:4", comment=b"taken by somebody")


def lose(folder: Path, blob: str) -> None:
  """Takes a blob out of a repository, whose commits still name it."""
  _loose(folder, blob).unlink()


def swap(folder: Path, blob: str, other: str) -> None:
  """Puts another blob's bytes in its place."""
  lose(folder, blob)
  shutil.copy(_loose(folder, other), _loose(folder, blob))


def _loose(folder: Path, blob: str) -> Path:
  return folder / ".git" / "objects" / blob[:2] / blob[2:]
