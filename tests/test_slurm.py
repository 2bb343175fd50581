"""Runs as SLURM jobs, on a real SLURM of one machine. Needs root and Debian's packages: see docs/clusters.md."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fsim.boundary import arrays
from fsim.train import metrics
from tests import sensors
from tests.commands import ROOT, variables
from tests.slurm import cluster

RUN = [f"--config={ROOT}/configs/device.py:quick", "--config.extractor.epochs=14"]
PATIENCE = 900  # Seconds for a job.


@pytest.fixture(scope="module")
def home(tmp_path_factory, data):
  """A folder, and the environment of commands, with a SLURM around them."""
  if cause := cluster.absent():
    pytest.skip(cause)
  folder = tmp_path_factory.mktemp("slurm")
  with cluster.cluster(folder / "cluster") as found:
    yield folder, variables(data) | found


def command(home, *arguments):
  folder, environment = home
  done = subprocess.run(
    [str(argument) for argument in arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stdout + done.stderr
  return done.stdout


def submit(home, name, *options):
  """Submits a job of two processes; returns its id."""
  resources = ["--processes=2", "--cpus=1", "--minutes=120", *options]
  said = command(home, sys.executable, "-m", "launch.slurm", *resources, "--", *RUN, f"--workdir={name}")
  return re.match(r"job (\d+);", said)[1]


def facts(home, job):
  return dict(pair.split("=", 1) for pair in command(home, "scontrol", "show", "job", job).split() if "=" in pair)


def until_ended(home, job):
  deadline = time.monotonic() + PATIENCE
  while (found := facts(home, job))["JobState"] in ("PENDING", "RUNNING", "COMPLETING", "REQUEUED"):
    assert time.monotonic() < deadline, found
    time.sleep(0.5)
  return found


def until(home, ready):
  deadline = time.monotonic() + PATIENCE
  while not ready():
    assert time.monotonic() < deadline, log(home)
    time.sleep(0.1)


def until_running_again(home, job):
  """Its first go may train on for some steps before it is requeued."""
  until(home, lambda: facts(home, job)["Restarts"] != "0" and facts(home, job)["JobState"] == "RUNNING")


def until_trained(home, name, epochs):
  until(home, lambda: len(metrics.read(home[0] / name)) >= epochs)


def log(home):
  return "\n".join(path.read_text() for path in sorted((home[0] / "runs" / "slurm").glob("*_log.out")))


def outcome(folder):
  rows = [(row["phase"], row["step"], row["loss"], row["validation_loss"]) for row in metrics.read(folder)]
  return rows, pd.read_parquet(folder / "scores.parquet")["logit"].to_numpy()


def process_of(name, index):
  """Process id of one process of a run."""
  for folder in Path("/proc").glob("[0-9]*"):
    try:
      words, own = ((folder / file).read_bytes().split(b"\0") for file in ("cmdline", "environ"))
    except OSError:  # It has ended meanwhile.
      continue
    if b"fsim.main" in words and f"--workdir={name}".encode() in words and f"JAX_PROCESS_ID={index}".encode() in own:
      return int(folder.name)
  raise AssertionError(f"no process {index} of {name}")


@pytest.fixture(scope="module")
def undisturbed(home):
  job = submit(home, "undisturbed")
  assert until_ended(home, job)["JobState"] == "COMPLETED", log(home)
  return outcome(home[0] / "undisturbed")


@pytest.mark.slow
def test_a_job_that_is_stopped_and_then_loses_a_process_ends_as_if_undisturbed(home, undisturbed):
  """USR2 comes before a time limit; SIGKILL, when memory runs out."""
  job = submit(home, "disturbed")
  until_trained(home, "disturbed", 3)
  command(home, "scancel", "--signal=USR2", job)
  until_trained(home, "disturbed", 11)
  assert "stopped after step 10 of 14; the same command goes on from there" in log(home)
  os.kill(process_of("disturbed", 1), signal.SIGKILL)
  found = until_ended(home, job)
  assert (found["JobState"], found["Restarts"]) == ("COMPLETED", "2"), log(home)
  assert "process 1 ended with -9 (signal 9); the job is requeued" in log(home)
  assert outcome(home[0] / "disturbed")[0] == undisturbed[0]
  np.testing.assert_array_equal(outcome(home[0] / "disturbed")[1], undisturbed[1])


@pytest.mark.slow
def test_sigterm_alone_requeues_and_a_cancelled_job_stays_cancelled(home):
  """SLURM sends SIGTERM when it preempts a job and leaves it a time of grace."""
  job = submit(home, "preempted", "--processes=1")
  until_trained(home, "preempted", 2)
  command(home, "scancel", "--signal=TERM", job)
  until_running_again(home, job)
  until_trained(home, "preempted", len(metrics.read(home[0] / "preempted")) + 1)
  assert (facts(home, job)["JobState"], facts(home, job)["Restarts"]) == ("RUNNING", "1"), log(home)
  command(home, "scancel", job)
  assert until_ended(home, job)["JobState"] == "CANCELLED", log(home)
  assert facts(home, job)["Restarts"] == "1"


@pytest.mark.slow
def test_an_array_that_shares_out_a_verb_answers_as_one_process(home):
  """Three shares of the tiles of `fsim link`."""
  album = sensors.folder(home[0] / "album", a=(1, range(5)), b=(2, range(4)), c=(3, range(1)))
  command(home, sys.executable, "-m", "fsim", "link", album, "--out=alone")
  said = command(
    home, sys.executable, "-m", "launch.slurm", "--shares=3", "--cpus=1", "--", "link", album, "--out=shared"
  )
  job = re.match(r"job (\d+)_0;", said)[1]
  until(home, lambda: (home[0] / "shared" / "groups.json").exists())
  until(home, lambda: not command(home, "squeue", "--noheader", f"--jobs={job}", "--states=PD,R,CG").strip())
  assert log(home).count("Job completed successfully") >= 3, log(home)
  assert (home[0] / "shared" / "groups.json").read_text() == (home[0] / "alone" / "groups.json").read_text()
  alone, shared = (arrays.read_npz(home[0] / name / "ratios.npz") for name in ("alone", "shared"))
  for name in alone:
    np.testing.assert_array_equal(shared[name], alone[name])
