"""Camera models from 64x64 patches (Bondi et al. 2017)."""
