"""Kernels in plain torch: the closed forms of the docstrings, for every device and floating-point type."""
