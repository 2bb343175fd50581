"""Single files of git repositories, by their blobs: nothing else is transferred, and every blob's hash is checked.

Asked for are the commit without any file (`--filter=blob:none --depth=1`), and then all the blobs in one further
request, as git itself asks for what a partial clone lacks; `cat-file` alone would ask for each blob apart.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.public import outside
from fsim.data.public.outside import Done, Unavailable

HOST = "https://github.com"
PACKAGES = "the package git"
FETCH_SECONDS, READ_SECONDS = 3600.0, 120.0
MAX_BYTES = 1 << 28  # Of a photograph.
POINTER = b"version https://git-lfs.github.com/spec/"
PARTIAL = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none")
SETTINGS = {  # A transfer that has all but stopped is given up; nothing is tidied behind our back.
  "http.lowSpeedLimit": "1000",
  "http.lowSpeedTime": "60",
  "fetch.negotiationAlgorithm": "noop",
  "gc.auto": "0",
  "maintenance.auto": "false",
}
# Nobody is asked for a password, and messages are as this file knows them.
SILENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "GCM_INTERACTIVE": "never", "LC_ALL": "C"}
TRANSPORTS = "https:http:ssh:git:file"
OFFLINE = {"GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1"}
# What a caller's shell may have set about a repository of its own.
OF_CALLERS = {
  f"GIT_{name}"
  for name in ("DIR", "WORK_TREE", "COMMON_DIR", "INDEX_FILE", "OBJECT_DIRECTORY", "ALTERNATE_OBJECT_DIRECTORIES")
}


def fetch(url: str, commit: str, blobs: Sequence[str], place: Path) -> None:
  """Makes `place` a repository with these blobs, as far as they are still there. Raises Unavailable if there are none.

  A former `place` is removed.
  """
  shutil.rmtree(place, ignore_errors=True)
  made = ("init", "--quiet", "--bare", "--template=", "--object-format=sha1")
  for step in (made, ("config", "remote.origin.url", url)):
    if said := _git(place, *step, seconds=READ_SECONDS).said:
      raise UserError(f"{shown(place)}: {said}")
  if said := _fetch(place, "--depth=1", "origin", commit).said:
    raise Unavailable(f"the commit {commit} is gone" if "not our ref" in said else said)
  wanted = list(blobs)
  while wanted and (said := _fetch(place, "origin", "--stdin", given="\n".join(wanted)).said):
    gone = re.search("not our ref ([0-9a-f]{40})", said)  # One of them spoils the whole request.
    if not gone or gone[1] not in wanted:
      raise Unavailable(said)
    wanted.remove(gone[1])


def clone_of(repository: str, folder: Path) -> Path | None:
  """The git directory of a clone, bare or not, that lies in the folder as OWNER/NAME or OWNER+NAME."""
  names = [name + end for name in (repository, repository.replace("/", "+")) for end in ("", ".git")]
  places = [folder / name / inside for name in names for inside in (".git", "")]
  return next((place for place in places if (place / "objects").is_dir()), None)


def read(place: Path, blob: str) -> bytes:
  """The bytes of a blob that is there; nothing is fetched. Raises Unavailable."""
  size = _git(place, "cat-file", "-s", blob, seconds=READ_SECONDS, **OFFLINE)
  if size.said:
    raise Unavailable(size.said if "ownership" in size.said else f"the blob {blob} is gone")
  if int(size.output) > MAX_BYTES:
    raise Unavailable(f"the blob {blob} is larger than {MAX_BYTES / 1e6:,.0f} MB")
  found = _git(place, "cat-file", "blob", blob, seconds=READ_SECONDS, **OFFLINE)
  if found.said:
    raise Unavailable(found.said)
  if hashlib.sha1(b"blob %d\0%b" % (len(found.output), found.output), usedforsecurity=False).hexdigest() != blob:
    raise Unavailable(f"the blob {blob} holds other bytes than its name says")
  if found.output.startswith(POINTER):
    raise Unavailable(f"the blob {blob} is a Git LFS pointer: the photograph lies outside of the repository")
  return found.output


def _fetch(place: Path, *arguments: str, given: str = "") -> Done:
  words = [*PARTIAL, *arguments]
  return _git(place, *words, seconds=FETCH_SECONDS, given=given, GIT_ALLOW_PROTOCOL=TRANSPORTS)


def _git(place: Path, *arguments: str, seconds: float, given: str = "", **environment: str) -> Done:
  settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
  inherited = {name: value for name, value in os.environ.items() if name not in OF_CALLERS}
  words = ["git", f"--git-dir={place}", *settings, *arguments]
  return outside.run(words, seconds, given.encode(), inherited | SILENT | environment)
