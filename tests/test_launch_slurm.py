"""What is asked of SLURM, by a stand-in that writes it down, and what a task does. On a real one: test_slurm.py."""
