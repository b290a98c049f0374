"""Kernels in C++ for the CPU, in the compiled module ``monai_gan._native``: tensors in, addresses down, tensors out.

The functions have the arguments and results of their namesakes in ``_torch``. They expect what those describe, dense
and not empty, and check nothing: a wrong shape would read memory that belongs to something else.
"""
