"""The signature database of a run: one row an image and checkpoint, on local disk or object storage (LanceDB)."""

from pathlib import Path

import lancedb
import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Float

TABLE = "signatures"


class SignatureStore:
  """Append-only. An image is known by the SHA-256 of its file, a signature by its image and its checkpoint."""

  def __init__(self, folder: Path, width: int):
    self._schema = pa.schema(
      [
        ("sha256", pa.string()),
        ("device", pa.string()),
        ("checkpoint", pa.string()),
        ("vector", pa.list_(pa.float32(), width)),
      ]
    )
    self._table = lancedb.connect(folder).create_table(TABLE, schema=self._schema, exist_ok=True)

  def known(self, checkpoint: str) -> set[str]:
    """Hashes of the images that have a signature by this checkpoint."""
    rows = self._table.search().where(f"checkpoint = '{checkpoint}'").select(["sha256"]).to_arrow()
    return set(rows["sha256"].to_pylist())

  def add(self, images: pd.DataFrame, checkpoint: str, vectors: Float[np.ndarray, "n d"]) -> None:
    """`images` has the columns sha256 and device, one row a vector."""
    if len(images) == 0:
      return
    columns = {
      "sha256": images["sha256"].to_numpy(),
      "device": images["device"].to_numpy(),
      "checkpoint": [checkpoint] * len(images),
      "vector": list(vectors),
    }
    self._table.add(pa.table(columns, schema=self._schema))

  def get(self, images: pd.DataFrame, checkpoint: str) -> Float[np.ndarray, "n d"]:
    """Signatures in the order of `images`; raises KeyError if one is missing."""
    rows = self._table.search().where(f"checkpoint = '{checkpoint}'").select(["sha256", "vector"]).to_arrow()
    place = {sha256: k for k, sha256 in enumerate(rows["sha256"].to_pylist())}
    vectors = np.stack(rows["vector"].to_numpy(zero_copy_only=False)) if len(rows) else np.zeros((0, 0))
    return vectors[[place[sha256] for sha256 in images["sha256"]]]
