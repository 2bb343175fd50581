import os

from fsim.boundary import machine


def test_the_cores_are_those_of_the_process_and_elsewhere_those_of_the_machine(monkeypatch):
  monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 5}, raising=False)
  assert machine.cores() == 2
  monkeypatch.delattr(os, "sched_getaffinity")
  monkeypatch.setattr(os, "cpu_count", lambda: 7)
  assert machine.cores() == 7
