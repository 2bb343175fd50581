"""The page of a case, to be read by people who know nothing of fsim: one file, without scripts, that opens offline."""

import base64
import itertools
import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from fsim.boundary.text import shown
from fsim.evidence import telling, verbal, words
from fsim.evidence.asking import Outcome
from fsim.evidence.comparison import Answer
from fsim.evidence.exhibits import Exhibit
from fsim.report import case_figures
from fsim.report.templates import made_by, page

SHOWN = 40  # Questioned photographs with pictures; of more there is the sentence alone, and the page says so.
LIMITS = (
  "A likelihood ratio says how much likelier the findings are under one hypothesis than under another. It is no "
  "probability that a hypothesis is true: that depends on everything else in the case.",
  f"{words.NO_EXCLUSION}: heavy compression, little light or texture, and processing in the camera hide sensor noise.",
  "Who took a photograph, when and where is not asked, nor whether its content was altered.",
  "Sensor noise can be put into a photograph, or taken out, by somebody who sets out to deceive.",
)


def build(outcome: Outcome, command: Sequence[str]) -> bytes:
  card = outcome.chosen.calibration.card
  return page(
    "case.html",
    answers=[_answer(outcome, *one, k) for k, one in enumerate(outcome.answers)],
    shown=SHOWN,
    references=[_photograph(one) for one in outcome.references],
    checked=shown(outcome.camera.checked),
    left_out=[{name: shown(text) for name, text in row.items()} for row in outcome.left_out],
    hypotheses=words.HYPOTHESES,
    scale=verbal.scale(),
    levels=_levels(),
    calibration=outcome.chosen.described._asdict() | {"name": shown(outcome.chosen.described.name)},
    card={name: _plain(card[name]) for name in ("data", "counts", "figures", "command", "fsim")},
    similarity=shown(outcome.asked.told),
    limits=[*LIMITS, *map(shown, card["limits"])],
    **made_by(command),
  )


def _answer(outcome: Outcome, exhibit: Exhibit, answer: Answer, place: int) -> dict[str, Any]:
  ratios = {name: ratio for name, ratio in words.by_name(answer).items() if ratio is not None}
  told = {
    "photograph": _photograph(exhibit),
    "sentence": shown(words.sentence(answer)),
    "hint": words.hint(answer, outcome.camera),
    "statement": not answer.score.reason,
    "favours": _favours(answer),
    "outside": words.outside(answer),
  }
  if answer.score.reason or place >= SHOWN:
    return told | {"shown": False}
  rows = [(f"against {name}", ratio.log10, ratio.low, ratio.high) for name, ratio in ratios.items()]
  levels = [math.log10(level["from"]) for level in verbal.scale()["levels"]]
  return told | {
    "shown": True,
    "ratios": [_ratio(name, ratio) for name, ratio in words.by_name(answer).items()],
    "scale": Markup(case_figures.ratios(rows, levels)),
    "surface": Markup(case_figures.surface(*answer.score.surface)) if answer.score.surface else None,
    "peak": words.stands_out(answer.score),
    "noise": _noise(answer),
    "errors": _errors(outcome, answer),
    "tippett": [_tippett(outcome, name, ratio.log10) for name, ratio in ratios.items()],
  }


def _favours(answer: Answer) -> int | None:
  ratio = None if answer.score.reason else words.by_name(answer)[words.FIRST]
  return None if ratio is None else verbal.support(ratio.log10).favours


def _ratio(name: str, ratio: Any) -> dict[str, str]:
  told = {"name": name, "other": words.OTHERS[name]}
  if ratio is None:
    return told | {"value": "none", "bounds": "the calibration's data have no such pairs", "words": ""}
  support = verbal.support(ratio.log10)
  side = {1: " for H1", -1: f" for {name}", 0: ""}[support.favours]
  bounds = f"{verbal.number(ratio.low)} to {verbal.number(ratio.high)}{', reached' if ratio.at_bound else ''}"
  return told | {"value": verbal.number(ratio.log10), "bounds": bounds, "words": f"{support.words}{side}"}


def _noise(answer: Answer) -> list[tuple[str, str]]:
  """Names with values, for a table."""
  score, facts = answer.score, telling.noise_facts(answer)
  rarity = -facts["log10_false_alarm"]
  told = [
    ("what was done to the file", words.what_was_done(score)),
    ("height of the correlation's peak, in standard deviations (z)", f"{score.z:.1f}"),
    ("the same as peak-to-correlation energy (PCE)", f"{facts['pce']:,.1f}"),
    ("places looked at, all paid for", f"{score.n_looks:,.0f}"),
    ("what the peak is worth after paying (z of a single look)", f"{score.aligned:.1f}"),
    ("what a usual camera would show with photographs like these (z)", f"{answer.expected:.1f}"),
    (
      "chance of such a peak without a common sensor, ideal noise",
      f"1 in {verbal.number(max(rarity, 0))}",
    ),
    ("pixels compared", f"{score.pixels:,}"),
    ("stages searched, in order", ", ".join(score.tried)),
  ]
  if score.similarity is not None:
    told.append(("similarity of camera models (natural log-odds)", f"{score.similarity:.2f}"))
  if score.no_similarity:
    told.append(("similarity of camera models", shown(score.no_similarity)))
  return told


def _errors(outcome: Outcome, answer: Answer) -> list[tuple[str, str]]:
  """Error rates: predicted for photographs like these, and counted on devices left out of the calibration."""
  told = [
    (
      "predicted for photographs of this size and quality, with such references: of 1,000 of one camera, without a "
      "ratio above 1",
      f"{answer.missed}",
    )
  ]
  for name, sides in _left_out(outcome).items():
    same, different = sides["same"], sides["different"]
    told += [
      (f"two cameras, {words.OTHERS[name]}: share with a ratio above 1", _share(different, lambda x: x > 0)),
      (f"two cameras, {words.OTHERS[name]}: share with a ratio above 100", _share(different, lambda x: x > 2)),
      (f"one camera, against {name}: share with a ratio below 1", _share(same, lambda x: x < 0)),
    ]
  return told


def _left_out(outcome: Outcome) -> dict[str, dict[str, list[float]]]:
  """Of each hypothesis of which there are ratios of devices left out, of both kinds."""
  found = outcome.chosen.calibration.card["left_out"]
  kept = {name: found.get(key) for name, key in sorted(words.NAMES.items(), reverse=True)}
  return {name: sides for name, sides in kept.items() if sides and sides["same"] and sides["different"]}


def _share(values: Sequence[float], wrong: Any) -> str:
  count = sum(map(wrong, values))
  return f"{100 * count / len(values):.2g} % ({count:,} of {len(values):,})"


def _tippett(outcome: Outcome, name: str, log10: float) -> dict[str, Any]:
  sides = _left_out(outcome).get(name)
  if sides is None:
    return {"name": name, "other": words.OTHERS[name], "svg": None}
  drawn = case_figures.tippett(sides["same"], sides["different"], log10)
  counts = {side: f"{len(values):,}" for side, values in sides.items()}
  return {"name": name, "other": words.OTHERS[name], "svg": Markup(drawn), **counts}


def _photograph(one: Exhibit) -> dict[str, Any]:
  exif = {name: shown(text) for name, text in one.exif._asdict().items() if text}
  quality = "no table" if one.quality is None else f"about {one.quality}"
  return {
    "name": shown(one.path.name),
    "path": shown(one.path),
    "sha256": one.sha256,
    "size": f"{one.width:,} × {one.height:,}",
    "jpeg": f"quality {quality}, colours {one.subsampling}",
    "exif": exif,
    "thumbnail": base64.b64encode(one.thumbnail).decode(),
  }


def _levels() -> list[tuple[str, str]]:
  """Ranges of ratios with their words."""
  rows = verbal.scale()["levels"]
  ends = [f"{level['from']:,}" for level in rows]
  ranges = [f"{first} to {last}" for first, last in itertools.pairwise(ends)] + [f"{ends[-1]} and more"]
  return [(f"1 to {ends[0]}", verbal.scale()["none"]), *zip(ranges, [level["words"] for level in rows], strict=True)]


def _plain(value: Any) -> Any:
  """What a card says, harmless; anybody may have written it."""
  if isinstance(value, dict):
    return {shown(name)[:200]: _plain(one) for name, one in list(value.items())[:100]}
  if isinstance(value, list):
    return [_plain(one) for one in value[:100]]
  return f"{value:.4g}" if isinstance(value, float) else shown(value)[:500]
