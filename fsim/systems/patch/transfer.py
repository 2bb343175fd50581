"""Models that come later: the network as it is, new SVMs from a few images of each (Bondi et al. 2017, figure 4).

Shapes: p patches, d features.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float

from fsim.boundary import progress
from fsim.metrics import votes
from fsim.systems import svm

COLUMNS = ["images", "draw", "patch_accuracy", "image_accuracy"]


def transfer(
  features: Float[np.ndarray, "p d"],
  patches: pd.DataFrame,
  classes: list[str],
  setting: svm.Chosen,
  sizes: tuple[int, ...],
  draws: int,
  seed: int,
) -> pd.DataFrame:
  """One row a draw: images (of each model to learn from), draw, patch_accuracy, image_accuracy.

  `patches` has one row a patch: model, image (a number), learn (whether its image may be learned from; the others are
  tested on). A size that some model has too few images for is left out.
  """
  labels = pd.Categorical(patches["model"], classes).codes.astype(int)
  tested = ~patches["learn"].to_numpy()
  image, places = np.unique(patches["image"].to_numpy()[tested], return_inverse=True)
  truth = labels[tested][np.unique(places, return_index=True)[1]]
  learnt = patches[patches["learn"]].drop_duplicates("image")
  most = learnt["model"].value_counts().reindex(classes, fill_value=0).min()
  rows = []
  tasks = [(size, draw) for size in sizes if size <= most for draw in range(draws)]
  for size, draw in progress.bar(tasks, desc="models not yet seen", unit="draw", leave=False):
    chosen = learnt.groupby("model")["image"].sample(size, random_state=np.random.default_rng((seed, size, draw)))
    own = patches["image"].isin(chosen).to_numpy()
    machines = svm.fit(features[own], labels[own], classes, setting.c, setting.standardised)
    scores = svm.scores(machines, svm.decisions(machines, features[tested]))
    voted = votes.count(votes.majority(scores), places, len(image)).argmax(1)
    row = {"patch_accuracy": (scores.argmax(1) == labels[tested]).mean(), "image_accuracy": (voted == truth).mean()}
    rows.append({"images": size, "draw": draw} | row)
  return pd.DataFrame(rows, columns=COLUMNS)


def testable(patches: pd.DataFrame) -> list[str]:
  """Models with images to learn from and others to be tested on."""
  sides = patches.groupby("model")["learn"].nunique()
  return sorted(sides.index[sides == 2])
