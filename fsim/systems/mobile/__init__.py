"""Phones from 32x32 patches (Freire-Obregón et al. 2018)."""
