"""fsim: do these photographs come from the same camera?"""

__version__ = "0.1.0"
