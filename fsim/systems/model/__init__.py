"""Learned forensic source similarity (Mayer & Stamm 2018), its splicing maps and groups."""
