"""Every system with every protocol: what cannot work is refused at once, with the names of those that can."""

import importlib

import pytest

from fsim.boundary.errors import UserError
from fsim.data import splits
from fsim.systems import SYSTEMS, dataset, settings
from fsim.systems.dataset import ImageSet
from tests.commands import ROOT, config
from tests.recording import OTHERS, SERVING, Recording
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
  """Runs a system with changed settings until it wants to see the images of its sides; names: gets what it reads."""

  def begun(name, changes, names=None):
    chosen = config(ROOT / "configs" / f"{name}.py")
    chosen.update_from_flattened_dict({"data.folder": str(tmp_path), **changes})
    own = importlib.import_module(f"{SYSTEMS[name]}.run")
    monkeypatch.setattr(own, "open_dataset", lambda *_, **__: ImageSet(table, NoRecords()))
    monkeypatch.setattr(settings, "checked", lambda config: Recording(checked(config), names))
    own.experiment(chosen, tmp_path / name)

  checked = settings.checked

  return begun


@pytest.mark.parametrize("protocol", splits.PROTOCOLS)
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_protocol_serves_a_system_or_those_that_do_are_named(name, protocol, begin):
  if protocol in SERVING[name]:
    with pytest.raises(DividedError):
      begin(name, {"data.protocol": protocol})
  else:
    with pytest.raises(UserError) as refused:
      begin(name, {"data.protocol": protocol})
    said = str(refused.value)
    assert said.startswith(f"data.protocol must be one of {', '.join(SERVING[name])}, got '{protocol}', ")


def test_the_reason_is_said(begin):
  for name, protocol, reason in (
    ("prnu", "public", "which tests devices that are not trained on"),
    ("mobile", "by_scene", "whose sides are train, validation, test and not train, test"),
  ):
    with pytest.raises(UserError, match=reason):
      begin(name, {"data.protocol": protocol})


@pytest.mark.parametrize(
  ("name", "setting", "choice"),
  [(name, setting, choice) for name, others in OTHERS.items() for setting, choice in others.items()],
)
def test_a_setting_that_no_quick_run_reads_is_read_where_it_belongs(name, setting, choice, begin):
  names = set()
  with pytest.raises(DividedError):
    begin(name, choice, names)
  assert setting in names


def test_a_protocol_whose_settings_a_configuration_lacks_is_none_of_its(table):
  lacking = config(ROOT / "configs" / "device.py")
  del lacking.data.fold
  lacking.data.protocol = "scene_instance"
  with pytest.raises(UserError, match=r"by_scene, public, ratio, got .* needs the settings data.fold"):
    dataset.split(table, lacking)
