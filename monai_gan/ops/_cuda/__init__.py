"""Kernels in CUDA C++, in builds of the compiled module that ask for them, for what Triton cannot express."""
