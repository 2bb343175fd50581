"""What verbs do once their arguments are understood: imported only then, since it brings JAX and all else."""
