import os
import shlex
import subprocess
import sys

import pytest

from fsim.train import mesh
from launch import tpu

ARGUMENTS = ["--zone=z", "--kind=v4-32", "--share=10.0.0.2:/runs"]
RUN = ["--", "--config=configs/device.py", "--workdir=/mnt/runs/a b"]


def printed(capsys, *arguments):
  assert tpu.main([*arguments, *RUN]) == 0
  return [shlex.split(line) for line in capsys.readouterr().out.splitlines()]


def test_every_step_is_printed_in_order_and_none_carried_out(capsys):
  found = printed(capsys, *ARGUMENTS)
  assert [command[:4] for command in found] == [list(tpu.TOOL)] * 5
  assert [command[4] for command in found] == ["create", "scp", "ssh", "ssh", "delete"]
  assert found[0][5:] == ["fsim", "--zone=z", "--accelerator-type=v4-32", "--version=tpu-ubuntu2204-base"]
  assert all("--zone=z" in command for command in found)
  assert all("--worker=all" in command for command in found[1:4])


def test_all_workers_run_the_program_as_asked_and_let_jax_find_the_others(capsys, tmp_path):
  """The remote command, run by a shell here with a stand-in for Python: its arguments arrive whole."""
  (command,) = printed(capsys, *ARGUMENTS, "--steps", "run")
  remote = next(part for part in command if part.startswith("--command=")).removeprefix("--command=")
  (tmp_path / "fsim").mkdir()
  stand_in = tmp_path / ".venv" / "bin" / "python"
  stand_in.parent.mkdir(parents=True)
  stand_in.write_text(f'#!/bin/sh\necho "$FSIM_CLUSTER"; {sys.executable} -c "import sys; print(sys.argv[1:])" "$@"\n')
  stand_in.chmod(0o755)
  said = subprocess.run(remote, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
  assert said.splitlines() == ["detect", repr(["-m", "fsim.main", *RUN[1:]])]


@pytest.mark.parametrize(("variable", "asked"), [("detect", [{}]), ("", [])])
def test_jax_is_left_to_find_the_others_only_where_the_launcher_says_so(variable, asked, monkeypatch):
  calls = []
  monkeypatch.delenv("JAX_COORDINATOR_ADDRESS", raising=False)
  monkeypatch.setenv("FSIM_CLUSTER", variable)
  monkeypatch.setattr(mesh.jax.distributed, "initialize", lambda **given: calls.append(given))
  mesh.initialize_distributed()
  assert calls == asked


def test_commands_are_carried_out_until_one_fails(capfd, monkeypatch, tmp_path):
  stand_in = tmp_path / "gcloud"
  stand_in.write_text('#!/bin/sh\necho "did $4"; [ "$4" != scp ]\n')
  stand_in.chmod(0o755)
  monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
  assert tpu.main([*ARGUMENTS, "--execute", *RUN]) == 1
  out, err = capfd.readouterr()
  assert [line for line in out.splitlines() if line.startswith("did")] == ["did create", "did scp"]
  assert "install ended with exit code 1" in err


def test_a_run_folder_of_one_worker_alone_is_refused(capsys):
  with pytest.raises(SystemExit):
    tpu.main([*ARGUMENTS, "--", "--config=configs/device.py", "--workdir=runs/a"])
  assert "that all workers share" in capsys.readouterr().err
