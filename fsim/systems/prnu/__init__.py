"""Camera recognition from noise patterns (Athanasiadou et al. 2018), the classical matcher beside it."""
