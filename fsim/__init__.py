"""fsim: do these photographs come from the same camera?"""
