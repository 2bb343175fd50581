"""Patches vote for the class of their image (Bondi et al. 2017, section III-D).

Shapes: p patches, c classes, m images, k patches that vote.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

TIE = 1e-5  # Weight of the scores beside the votes: less than one vote for any image of up to 100,000 patches.
SPREAD = (0.025, 0.975)  # Quantiles over draws.


def majority(scores: Float[np.ndarray, "p c"]) -> Float[np.ndarray, "p c"]:
  """A patch's ballot: one vote for its likeliest class.

  Images on which classes get equally many votes go to the one whose scores, scaled to 0..1 in each patch, sum to more.
  """
  low, high = scores.min(1, keepdims=True), scores.max(1, keepdims=True)
  scaled = (scores - low) / np.where(high > low, high - low, 1)
  return np.eye(scores.shape[1])[scores.argmax(1)] + TIE * scaled


def softmax(logits: Float[np.ndarray, "p c"]) -> Float[np.ndarray, "p c"]:
  """A patch's ballot as in the code published with the paper: its probabilities, so that an image gets their mean."""
  shifted = np.exp(logits - logits.max(1, keepdims=True), dtype=np.float64)
  return shifted / shifted.sum(1, keepdims=True)


def count(ballots: Float[np.ndarray, "p c"], image: Int[np.ndarray, " p"], images: int) -> Float[np.ndarray, "m c"]:
  """Mean ballot of each image, zero where it has no patches; `image` says whose each patch is, of 0..images-1."""
  sums = np.zeros((images, ballots.shape[1]))
  np.add.at(sums, image, ballots)
  return sums / np.maximum(np.bincount(image, minlength=images), 1)[:, None]


def curve(
  ballots: dict[str, Float[np.ndarray, "p c"]],
  image: Int[np.ndarray, " p"],
  truth: Int[np.ndarray, " m"],
  most: int,
  draws: int,
  seed: int,
) -> pd.DataFrame:
  """Accuracy against the number of voting patches, by voting rule: columns patches, rule, mean, low, high.

  In each draw, the patches of every image come in a random order and the first k vote, or all where there are fewer;
  low and high hold 95 % of the draws. An image without patches is never right.
  """
  rng = np.random.default_rng(seed)
  right = {rule: np.zeros((draws, most)) for rule in ballots}
  for draw in range(draws):
    order = np.lexsort((rng.random(len(image)), image))
    turn = np.arange(len(image)) - np.searchsorted(image[order], image[order])
    first = turn < most
    for rule, votes in ballots.items():
      cast = np.zeros((len(truth), most, votes.shape[1]))
      cast[image[order][first], turn[first]] = votes[order][first]
      counted = cast.cumsum(1)
      hits = (counted.argmax(2) == truth[:, None]) & (counted.max(2) > 0)
      right[rule][draw] = hits.mean(0)
  rows = [
    {"patches": k + 1, "rule": rule, "mean": own.mean(), "low": low, "high": high}
    for rule, shares in right.items()
    for k, own in enumerate(shares.T)
    for low, high in [np.quantile(own, SPREAD)]
  ]
  return pd.DataFrame(rows)
