"""Kernels in Triton for CUDA, and for CPU tensors under ``TRITON_INTERPRET=1``; import these modules only when used."""
