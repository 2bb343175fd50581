"""Device-based image matching (Bennabhaktula et al. 2020)."""
