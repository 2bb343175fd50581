"""What training images go through before a system sees them; those that validate and test stay as they are."""

import hashlib
from pathlib import Path

import jax
import pandas as pd
from ml_collections import ConfigDict

from fsim.boundary import outputs
from fsim.boundary.spreadsheet import csv
from fsim.data import chained
from fsim.data.chained import Chain, Chained
from fsim.systems.dataset import ImageSet

TABLE = "chains.csv"


def augmented(dataset: ImageSet, train: pd.DataFrame, config: ConfigDict, workdir: Path) -> ImageSet:
  """Shares of the training images are replaced by what comes back of them from the chains of `input.chains`.

  train: rows of the table that train. Each keeps its row, its labels and its scene, and is never seen beside what
  became of it. An image that a chain would make smaller than the input stays as it is. chains.csv in the run folder
  says what happened to which.
  """
  shares = chained.shares(config.input.chains)
  if not shares:
    return dataset
  drawn = {}
  for image in train.itertuples():
    chain = chained.draw(image.sha256, config.seed, shares)
    if chain and min(chained.size(chain, image.width, image.height)) >= config.input.size:
      drawn[int(image.row)] = chain
  if jax.process_index() == 0:
    outputs.replace(workdir / TABLE, csv(listed(train, drawn)))
  said = repr((dataset.images.data_digest, sorted(drawn.items())))
  images = dataset.images._replace(
    records=Chained(dataset.images.records, drawn), data_digest=hashlib.sha256(said.encode()).hexdigest()
  )
  return ImageSet(labelled(dataset.table, drawn), images)


def listed(train: pd.DataFrame, drawn: dict[int, Chain]) -> pd.DataFrame:
  """A line for each image that goes through a chain."""
  files = train.set_index("row")["file"]
  lines = [(files[row], *chain) for row, chain in sorted(drawn.items())]
  return pd.DataFrame(lines, columns=["file", "chain", *Chain._fields[1:]])


def labelled(table: pd.DataFrame, drawn: dict[int, Chain]) -> pd.DataFrame:
  """The table with a column `chain`, and with the sizes and the names of contents that the images have now."""
  found = []
  for row, sha256, width, height in table[["row", "sha256", "width", "height"]].itertuples(index=False):
    chain = drawn.get(row)
    now = (chained.name_of(sha256, chain), *chained.size(chain, width, height)) if chain else (sha256, width, height)
    found.append((chain.name if chain else "", *now))
  columns = zip(("chain", "sha256", "width", "height"), zip(*found, strict=True), strict=True)
  return table.assign(**{name: list(values) for name, values in columns})
