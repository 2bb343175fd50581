"""The signature database of a run: one row an image and checkpoint, in one SQLite file."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from fsim.boundary import inputs

FILE = "signatures.sqlite"
FORMAT = 0x6673696D  # "fsim", which SQLite keeps in the head of the file (application_id).
PATIENCE = 60  # Seconds to wait while another process writes.
TABLE = """
CREATE TABLE IF NOT EXISTS signatures (
  checkpoint TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  device TEXT NOT NULL,
  vector BLOB NOT NULL,
  PRIMARY KEY (checkpoint, sha256)
)
"""


class SignatureStore:
  """Append-only. An image is known by the SHA-256 of its file, a signature by its image and its checkpoint.

  Every method raises Unreadable for a file that is damaged or none of fsim's, that cannot be written, or that another
  process holds for longer than PATIENCE. What a kill leaves half written is undone by the next who opens it: a rollback
  journal, which network file systems bear too, other than a write-ahead log.
  """

  def __init__(self, folder: Path, width: int):
    self._path, self._width = folder / FILE, width
    folder.mkdir(parents=True, exist_ok=True)
    with self._open() as database:
      (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
      (kind,) = database.execute("PRAGMA application_id").fetchone()
      if kind != FORMAT and tables:
        raise inputs.Unreadable(self._path, "a database, but not one of fsim's signatures")
      if kind != FORMAT:
        database.execute(f"PRAGMA application_id = {FORMAT}")
      database.execute(TABLE)

  def known(self, checkpoint: str) -> set[str]:
    """Hashes of the images that have a signature by this checkpoint."""
    with self._open() as database:
      rows = database.execute("SELECT sha256 FROM signatures WHERE checkpoint = ?", (checkpoint,))
      return {sha256 for (sha256,) in rows}

  def add(self, images: pd.DataFrame, checkpoint: str, vectors: Float[np.ndarray, "n d"]) -> None:
    """`images` has the columns sha256 and device, one row a vector. All are kept, or after a failure none."""
    blobs = (vector.tobytes() for vector in vectors.astype("<f4"))
    rows = zip([checkpoint] * len(images), images["sha256"], images["device"], blobs, strict=True)
    with self._open() as database:
      database.executemany("INSERT INTO signatures VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)

  def get(self, images: pd.DataFrame, checkpoint: str) -> Float[np.ndarray, "n d"]:
    """Signatures in the order of `images`; raises KeyError if one is missing."""
    with self._open() as database:
      rows = database.execute("SELECT sha256, vector FROM signatures WHERE checkpoint = ?", (checkpoint,))
      found = {sha256: self._vector(blob) for sha256, blob in rows}
    return np.array([found[sha256] for sha256 in images["sha256"]]).reshape(-1, self._width)

  def _vector(self, blob: bytes) -> Float[np.ndarray, " d"]:
    if not isinstance(blob, bytes) or len(blob) != 4 * self._width:
      raise inputs.Unreadable(self._path, "damaged: a signature of another length")
    vector = np.frombuffer(blob, "<f4")
    if not np.isfinite(vector).all():
      raise inputs.Unreadable(self._path, "damaged: a signature that is no number")
    return vector

  @contextlib.contextmanager
  def _open(self) -> Iterator[sqlite3.Connection]:
    """One transaction."""
    try:
      with contextlib.closing(sqlite3.connect(self._path, timeout=PATIENCE)) as database, database:
        yield database
    except sqlite3.ProgrammingError:
      raise
    except sqlite3.Error as error:  # Of the file, the disk, or a lock that is held for too long.
      raise inputs.Unreadable(self._path, str(error)) from error
