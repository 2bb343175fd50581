"""Every system with every protocol: what cannot work is refused at once, with the names of those that can."""

import importlib

import pytest

from fsim.boundary.errors import UserError
from fsim.data import splits
from fsim.systems import SYSTEMS, dataset
from fsim.systems.dataset import ImageSet
from tests.commands import ROOT, config
from tests.recording import SERVING
from tests.test_splits import dresden


class DividedError(Exception):
  pass


class NoRecords:
  """Of images that are asked for only once everything is divided."""

  @property
  def records(self):
    raise DividedError

  fingerprint = "abc"


@pytest.fixture(scope="module")
def table():
  """Eight models of three devices, each of which saw all scenes."""
  made = dresden(shots=1)
  return made.assign(row=range(len(made)), width=512, height=512)


@pytest.fixture
def begin(table, tmp_path, monkeypatch):
  """Runs a system until it wants to see the images of its sides."""

  def begun(name, protocol):
    settings = config(ROOT / "configs" / f"{name}.py")
    settings.data.protocol = protocol
    settings.data.folder = str(tmp_path)
    own = importlib.import_module(f"{SYSTEMS[name]}.run")
    monkeypatch.setattr(own, "open_dataset", lambda *_, **__: ImageSet(table, NoRecords()))
    own.experiment(settings, tmp_path / f"{name}-{protocol}")

  return begun


@pytest.mark.parametrize("protocol", splits.PROTOCOLS)
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_protocol_serves_a_system_or_those_that_do_are_named(name, protocol, begin):
  if protocol in SERVING[name]:
    with pytest.raises(DividedError):
      begin(name, protocol)
  else:
    with pytest.raises(UserError) as refused:
      begin(name, protocol)
    said = str(refused.value)
    assert said.startswith(f"data.protocol must be one of {', '.join(SERVING[name])}, got '{protocol}', ")


def test_the_reason_is_said(begin):
  for name, protocol, reason in (
    ("prnu", "public", "which tests devices that are not trained on"),
    ("mobile", "by_scene", "whose sides are train, validation, test and not train, test"),
  ):
    with pytest.raises(UserError, match=reason):
      begin(name, protocol)


def test_a_protocol_whose_settings_a_configuration_lacks_is_none_of_its(table):
  settings = config(ROOT / "configs" / "device.py")
  del settings.data.fold
  settings.data.protocol = "scene_instance"
  with pytest.raises(UserError, match=r"by_scene, public, ratio, got .* needs the settings data.fold"):
    dataset.split(table, settings)
