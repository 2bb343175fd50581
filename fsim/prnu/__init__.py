"""Sensor noise (PRNU): residual, fingerprint, correlation and PCE; no training."""
