"""A SLURM cluster of one machine, for as long as a test needs it."""
