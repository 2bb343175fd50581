"""What `fsim identify --cameras` says of the cameras that it enrolled: for JSON, and in words."""

from collections import Counter
from typing import Any

from fsim.commands.gathering import Gathered
from fsim.systems import enrolment
from fsim.systems.duels import Known
from fsim.systems.enrolment import NONE, REJECTED, Enrolment

TOO_FEW = "with every camera that is tried, two others that can be told from it must be enrolled"


def facts(gathered: Gathered, known: Known, made: Enrolment) -> dict[str, Any]:
  """Everything about the enrolment, as plain values."""
  tried = made.left_out
  rightly = [bool(c >= 0 and made.alike[c, truth]) for c, truth in zip(tried.camera, known.camera, strict=True)]
  judged = tried.accepted >= 0
  others = sum(int((known.camera == c).sum()) for c in judged.nonzero()[0])
  accepted = int(tried.accepted[judged].sum())
  own, rejected = len(known.camera), int((tried.camera < 0).sum())
  return {
    "cameras_by": gathered.rule,
    "cameras": [_camera(place, gathered, known, made, rightly) for place in range(len(known.names))],
    "not_enrolled": [{"camera": camera, "cause": cause} for camera, cause in gathered.refused.items()],
    "not_told_apart": _not_told_apart(made),
    "left_out_in_turn": {
      "photographs": own,
      "named_rightly": sum(rightly),
      "named_as_another": own - sum(rightly) - rejected,
      "none_of_these": rejected,
    },
    "none_of_these": {
      "threshold": made.threshold,
      "wanted_own_rejected": REJECTED,
      "own": own,
      "own_rejected": rejected,
      "not_enrolled": others or None,
      "not_enrolled_accepted": accepted if others else None,
      "no_rate": None if others else TOO_FEW,
    },
    "photographs": [_photograph(k, gathered, made) for k in range(own)],
    "left_out": [{"file": str(path), "cause": cause} for path, cause in gathered.left_out],
  }


def _camera(place: int, gathered: Gathered, known: Known, made: Enrolment, rightly: list[bool]) -> dict[str, Any]:
  own = [k for k, camera in enumerate(known.camera.tolist()) if camera == place]
  rejected = sum(int(made.left_out.camera[k] < 0) for k in own)
  accepted = int(made.left_out.accepted[place])
  scenes = {gathered.enrolled[k].scene for k in own} - {""}
  return {
    "camera": known.names[place],
    "answer": enrolment.answer(made, place),
    "photographs": len(own),
    "patches": sum(len(gathered.enrolled[k].features) for k in own),
    "scenes": len(scenes),
    "left_out_by": "scene" if len(scenes) > 1 else "photograph",
    "named_rightly": sum(rightly[k] for k in own),
    "named_as_another": len(own) - sum(rightly[k] for k in own) - rejected,
    "none_of_these": rejected,
    "accepted_if_not_enrolled": accepted if accepted >= 0 else None,
  }


def _not_told_apart(made: Enrolment) -> list[dict[str, Any]]:
  """Pairs of cameras, with the numbers of photographs that their duel gives to the right one."""
  names = made.svms.classes
  return [
    {"cameras": [names[a], names[b]], "given_rightly": both.tolist()}
    for (a, b), both in zip(made.svms.pairs.tolist(), made.left_out.given, strict=True)
    if made.alike[a, b]
  ]


def _photograph(place: int, gathered: Gathered, made: Enrolment) -> dict[str, Any]:
  one, said = gathered.enrolled[place], int(made.left_out.camera[place])
  answer = enrolment.answer(made, said) if said >= 0 else NONE
  told = {"file": str(one.path), "sha256": one.sha256, "camera": one.camera, "scene": one.scene}
  return told | {"patches": len(one.features), "left_out_answer": answer}


def lines(found: dict[str, Any]) -> list[str]:
  """For people; rates come with their counts."""
  photographs = {row["camera"]: row["photographs"] for row in found["cameras"]}
  counted = ", ".join(f"{camera} {count}" for camera, count in photographs.items())
  tried, none = found["left_out_in_turn"], found["none_of_these"]
  said = [f"{len(found['cameras'])} cameras, by {found['cameras_by']}; photographs: {counted}"]
  said += [f"{row['camera']} is not enrolled: {row['cause']}" for row in found["not_enrolled"]]
  for row in found["not_told_apart"]:
    pairs = zip(row["cameras"], row["given_rightly"], strict=True)
    shares = " and ".join(f"{count} of {photographs[camera]} of {camera}" for camera, count in pairs)
    said.append(f"cannot be told apart: {' and '.join(row['cameras'])} (left out in turn, {shares} are given to it)")
  said.append(
    f"left out in turn, {_how(found)}: {tried['named_rightly']} of {tried['photographs']} photographs named rightly, "
    f"{tried['named_as_another']} as another camera, {tried['none_of_these']} {NONE}"
  )
  rejected = _rate(none["own_rejected"], none["own"])
  strange = f"no rate can be given ({none['no_rate']})"
  if none["no_rate"] is None:
    strange = f"{_rate(none['not_enrolled_accepted'], none['not_enrolled'])} accepted as one of the others"
  said.append(f'"{NONE}": {rejected} of their own photographs rejected; of cameras not enrolled {strange}')
  if none["no_rate"] or none["not_enrolled_accepted"] > none["not_enrolled"] / 2:
    said.append("so an answer says which of these cameras is nearest, and not that it is one of them")
  return said


def _how(found: dict[str, Any]) -> str:
  ways = Counter(row["left_out_by"] for row in found["cameras"])
  return ", ".join(f"by {way} ({count} cameras)" if len(ways) > 1 else f"by {way}" for way, count in ways.items())


def _rate(part: int, whole: int) -> str:
  return f"{part} of {whole} ({part / whole:.1%})"
