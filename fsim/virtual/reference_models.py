"""Six camera models of fictitious brands that differ in every stage; their settings lie in the range of real cameras.

Electrons, noise and PRNU: EMVA 1288 data sheets of 1 to 6 um pixels; JPEG settings: quality 80 to 97.
"""

from fsim.virtual.camera import Model
from fsim.virtual.jpeg_encoder import Encoder
from fsim.virtual.lens import Lens
from fsim.virtual.pipeline import Pipeline
from fsim.virtual.sensor import Sensor

# Colour matrices of a sensor with well separated filters, and of one whose filters overlap.
MILD = ((1.30, -0.22, -0.08), (-0.12, 1.22, -0.10), (-0.02, -0.28, 1.30))
STRONG = ((1.62, -0.50, -0.12), (-0.20, 1.48, -0.28), (0.02, -0.52, 1.50))

AUREL = Model(
  "Aurel",
  "K1",
  Lens(blur=0.70, vignetting=0.20, aberration=(3e-4, -4e-4), distortion=-0.004, flare=0.01),
  Sensor(
    "RGGB",
    full_well=6000.0,
    read_noise=6.0,
    bits=12,
    black=64,
    prnu=0.0055,
    shading=0.002,
    dark=6.0,
    hot=1e-4,
    lines=1.0,
  ),
  Pipeline(
    "bilinear", (0.52, 0.61), STRONG, 1.10, True, quiet=0.0, smooth=0.4, amount=0.5, radius=0.8, limit=0.1, size=1.0
  ),
  Encoder(step=2.0, rise=4.0, bend=1.5, colour=1.2, subsampling="4:4:4"),
  aspect=1.0,
  upright=False,
)
BOREAS = Model(
  "Boreas",
  "P20",
  Lens(blur=0.72, vignetting=0.24, aberration=(-5e-4, 6e-4), distortion=-0.006, flare=0.012),
  Sensor(
    "GRBG",
    full_well=7000.0,
    read_noise=5.0,
    bits=12,
    black=128,
    prnu=0.003,
    shading=0.002,
    dark=8.0,
    hot=1e-4,
    lines=1.0,
  ),
  Pipeline(
    "malvar", (0.48, 0.66), STRONG, 1.12, True, quiet=0.0, smooth=2.2, amount=2.2, radius=0.8, limit=0.2, size=1.0
  ),
  Encoder(step=2.8, rise=5.0, bend=1.8, colour=1.6, subsampling="4:2:0"),
  aspect=1.0,
  upright=False,
)
CINDRA = Model(
  "Cindra",
  "Z3",
  Lens(blur=0.74, vignetting=0.22, aberration=(4e-4, 3e-4), distortion=0.003, flare=0.011),
  Sensor(
    "BGGR",
    full_well=9000.0,
    read_noise=6.0,
    bits=10,
    black=32,
    prnu=0.017,
    shading=0.002,
    dark=9.0,
    hot=1e-4,
    lines=1.0,
  ),
  Pipeline(
    "menon", (0.56, 0.58), STRONG, 1.12, True, quiet=2.5, smooth=2.5, amount=0.5, radius=0.7, limit=0.14, size=1.0
  ),
  Encoder(step=1.8, rise=4.0, bend=1.4, colour=1.3, subsampling="4:2:2"),
  aspect=1.0,
  upright=False,
)
DOVANT = Model(
  "Dovant",
  "300",
  Lens(blur=0.70, vignetting=0.22, aberration=(2e-4, -2e-4), distortion=-0.003, flare=0.01),
  Sensor(
    "RGGB",
    full_well=24000.0,
    read_noise=12.0,
    bits=14,
    black=512,
    prnu=0.0025,
    shading=0.002,
    dark=5.0,
    hot=5e-5,
    lines=1.0,
  ),
  Pipeline("menon", (0.50, 0.70), MILD, 1.08, True, quiet=0.0, smooth=0.3, amount=0.0, radius=1.0, limit=0.1, size=1.0),
  Encoder(step=1.3, rise=3.0, bend=2.0, colour=1.0, subsampling="4:2:2"),
  aspect=1.0,
  upright=False,
)
ELMIRA = Model(
  "Elmira",
  "X7",
  Lens(blur=0.76, vignetting=0.23, aberration=(6e-4, -3e-4), distortion=0.005, flare=0.012),
  Sensor(
    "GBRG",
    full_well=6000.0,
    read_noise=5.0,
    bits=12,
    black=64,
    prnu=0.018,
    shading=0.002,
    dark=8.0,
    hot=1e-4,
    lines=1.0,
  ),
  Pipeline(
    "bilinear", (0.54, 0.63), STRONG, 1.12, True, quiet=1.0, smooth=1.5, amount=2.2, radius=2.2, limit=0.2, size=1.0
  ),
  Encoder(step=6.5, rise=5.0, bend=1.2, colour=1.5, subsampling="4:2:0"),
  aspect=1.0,
  upright=False,
)
FJORDAL = Model(
  "Fjordal",
  "S5",
  Lens(blur=0.72, vignetting=0.21, aberration=(-3e-4, -5e-4), distortion=-0.005, flare=0.011),
  Sensor(
    "RGGB",
    full_well=4500.0,
    read_noise=4.0,
    bits=10,
    black=16,
    prnu=0.004,
    shading=0.002,
    dark=9.0,
    hot=1e-4,
    lines=1.0,
  ),
  Pipeline(
    "malvar", (0.53, 0.60), MILD, 1.14, True, quiet=0.0, smooth=0.6, amount=1.4, radius=1.2, limit=0.12, size=1.28
  ),
  Encoder(step=2.8, rise=1.6, bend=1.0, colour=1.4, subsampling="4:2:0"),
  aspect=1.0,
  upright=False,
)

SIX = (AUREL, BOREAS, CINDRA, DOVANT, ELMIRA, FJORDAL)
