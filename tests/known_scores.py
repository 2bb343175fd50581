"""Tables of scores of imaginary devices, as `fsim.evidence.collecting` makes them of photographs."""

import numpy as np
import pandas as pd

from fsim.evidence.collecting import Scores
from fsim.evidence.quality import NAMES

ASKED = 3  # Photographs of a device, each also saved again.
COUNTS = (1, 2, 5)


def made(devices: int = 8, per_model: int = 2, similarity: bool = False, strength: float = 4, seed: int = 0) -> Scores:
  """Own references show the more the more they are; z of other devices is of variance 1."""
  rng = np.random.default_rng(seed)
  photographs, candidates, comparisons, asked = [], [], [], []
  for device in range(devices):
    label = {"device": f"d{device:02}", "model": f"m{device // per_model:02}"}
    first = len(photographs)
    photographs += [_photograph(label, f"r{k}.jpg", 0, rng) for k in range(max(COUNTS))]
    candidates += [label | {"references": tuple(range(first, first + n))} for n in COUNTS]
    for k in range(ASKED):
      for quality in (0, 60):
        asked.append(len(photographs))
        photographs.append(_photograph(label, f"q{k}.jpg", quality, rng))
  for row in asked:
    for place, candidate in enumerate(candidates):
      own = photographs[row]["device"] == candidate["device"]
      like = photographs[row]["model"] == candidate["model"]
      shown = strength * np.sqrt(len(candidate["references"])) * (0.7 if photographs[row]["quality"] else 1)
      found = {"questioned": row, "candidate": place, "pixels": photographs[row]["pixels"]}
      found["z"] = rng.normal() + own * shown
      comparisons.append(found | ({"similarity": rng.normal(3 if like else -3)} if similarity else {}))
  agreement = {"agreement": np.nan, "square": 0}
  return Scores(pd.DataFrame(photographs), pd.DataFrame(candidates).assign(**agreement), pd.DataFrame(comparisons))


def _photograph(label: dict, file: str, quality: int, rng: np.random.Generator) -> dict:
  features = dict.fromkeys(NAMES, 0.0) | {"information": rng.normal(4, 0.3), "intensity": rng.uniform(0.1, 0.9)}
  changed = {"side": 0, "quality": quality, "pixels": 400_000 if quality else 90_000, "step": 2.6 if quality else 0.5}
  return label | {"file": file} | features | changed
