"""Virtual cameras: photographs whose every trace is known, of procedural scenes by simulated lenses, sensors, pipelines."""

from fsim.data.virtual.dataset import make, write
from fsim.data.virtual.presets import PRESETS, Preset

__all__ = ["PRESETS", "Preset", "make", "write"]
