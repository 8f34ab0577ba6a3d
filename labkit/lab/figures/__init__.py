"""Plots, as pure functions from a tidy frame to a Figure. The only package that imports matplotlib."""
