"""Virtual cameras: photographs of procedural scenes by simulated lenses, sensors and pipelines, every trace known."""

from fsim.virtual.dataset import make, write
from fsim.virtual.presets import PRESETS, Preset

__all__ = ["PRESETS", "Preset", "make", "write"]
