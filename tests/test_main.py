"""The command line's manners: what is missing, misspelt or impossible gets one clear message."""

import pytest

from tests.commands import ROOT, fsim

DEVICE = f"--config={ROOT}/configs/device.py"


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    ([], "--config is missing; give one, for example --config=configs/device.py"),
    (["--config=nowhere.py"], "nowhere.py"),
    ([f"{DEVICE}:fast"], "has the modes quick and paper, got 'fast'"),
    ([DEVICE, "--config.signature.epoch=3"], 'Did you mean "epochs" instead of "epoch"?'),
    ([DEVICE, "--config.signature.epochs=many"], "invalid literal for int"),
    ([DEVICE, "--wordkir=x"], "Unknown command line flag 'wordkir'"),
    ([DEVICE, "more"], "unexpected argument 'more'"),
  ],
)
def test_a_wrong_command_line_is_refused_with_a_hint(arguments, message, tmp_path):
  done = fsim("main", *arguments, cwd=tmp_path, data=tmp_path)
  assert done.returncode == 2
  assert message in done.stderr
  assert "Traceback" not in done.stderr
  assert not (tmp_path / "runs").exists()
