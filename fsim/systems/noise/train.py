"""Trains the network of learned noise on virtual cameras, which are made for it.

  python -m fsim.systems.noise.train DIR --making=60 --learning=150 --workers=16

DIR takes the photographs with their true patterns (tiles), of as many scenes as are made in `making` seconds, then the
weights (noise_net.npz) and the curve of training (noise_curve.json), which are written eight times in `learning`
seconds. A GPU is needed: what one learns in minutes takes a CPU a day. Photographs that are there are not made again.
"""

import argparse
import time
from collections.abc import Sequence

import jax.numpy as jnp

from fsim.boundary import console, outputs
from fsim.models.noise_net import NoiseNet
from fsim.systems.noise import examples, learning
from fsim.systems.noise.learning import Training

SCENES = 5000  # At most: 80,000 photographs.
SEED = 901


def main(arguments: Sequence[str] | None = None) -> None:
  chosen = parser().parse_args(arguments)
  outputs.Folder(chosen.folder)
  tiles = chosen.folder / "tiles"
  if chosen.making > 0:
    made = examples.write(tiles, SCENES, chosen.making, chosen.workers, SEED)
    console.note(f"{made} scenes of {examples.SHOTS} photographs made")
  learn, held_out = examples.load(tiles)
  how = Training(until=time.time() + chosen.learning, batch=chosen.batch)
  net = NoiseNet(width=chosen.width, blocks=chosen.blocks, dtype=jnp.dtype(chosen.dtype))
  learning.learn(learning.seen(learn), learning.seen(held_out), net, how, chosen.folder)


def parser() -> argparse.ArgumentParser:
  made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  made.add_argument("folder", type=console.path, metavar="DIR")
  made.add_argument("--making", type=float, default=60.0, metavar="SECONDS", help="for photographs; 0: as they are")
  made.add_argument("--learning", type=float, default=150.0, metavar="SECONDS")
  made.add_argument("--workers", type=int, default=2, help="processes that make photographs")
  made.add_argument("--batch", type=int, default=16, help="tiles of 256x256 pixels a step")
  made.add_argument("--width", type=int, default=48, help="channels; what ships has 48")
  made.add_argument("--blocks", type=int, default=3, help="of two convolutions; what ships has 3")
  made.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
  return made


if __name__ == "__main__":
  main()
