#!/usr/bin/env bash
# Tests and measures the package on a machine with a CUDA GPU, from a plain checkout and with the packages that are there:
# torch, triton and those of pyproject.toml (from wheels on PYTHONPATH where there is no index). Nothing is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
mkdir -p build
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"

"$python" - <<'EOF'
import sys

import torch

if not torch.cuda.is_available():
    sys.exit("gpu-check: torch finds no CUDA device; run it on a machine with a GPU and its driver.")
import triton

print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, triton {triton.__version__}, CUDA {torch.version.cuda}")
EOF

# The compiled module with the CUDA kernels, in the source tree, where git does not see it.
if command -v cmake >/dev/null && command -v nvcc >/dev/null && "$python" -c 'import pybind11' 2>/dev/null; then
  cmake -S csrc -B build/gpu -DMONAI_GAN_CUDA=ON -DCMAKE_BUILD_TYPE=Release \
    -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)" -DPython_EXECUTABLE="$(command -v "$python")" >build/gpu.log 2>&1 ||
    { cat build/gpu.log; exit 1; }
  cmake --build build/gpu -j "$(nproc)" >>build/gpu.log 2>&1 || { tail -n 40 build/gpu.log; exit 1; }
  cp build/gpu/_native*.so monai_gan/
else
  echo "gpu-check: without cmake, nvcc and pybind11 the CUDA C++ kernels are left out."
fi

if "$python" -c 'import pytest' 2>/dev/null; then
  workers=()
  if "$python" -c 'import xdist' 2>/dev/null; then workers=(-n "$(($(nproc) < 8 ? $(nproc) : 8))"); fi
  timeout 200 "$python" -m pytest -q "${workers[@]}" -m 'not packaging' tests/ops/test_triton_kernels.py tests/ops/test_triton_on_gpu.py \
    tests/ops/test_cuda_kernels.py tests/engines/test_cuda_recorder.py tests/engines/test_step_graph.py
else
  echo "gpu-check: pytest is not there, so the tests are left out."
fi
# What is measured is kept, row by row or size by size, and an end by the clock is no failure.
timeout 420 "$python" -m benchmarks --suite gpu --rounds "${ROUNDS:-9}" || test $? = 124
timeout 180 "$python" -m benchmarks.stylegan2 || test $? = 124
"$python" -m benchmarks.report
"$python" -m monai_gan doctor
