# `make help` lists what there is. Everything runs in .venv, which `make install` creates.
PYTHON ?= python3
JOBS ?= 2
DEMO_DIR ?= demo
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NATIVE := $(shell find csrc -type f)

# One thread per worker process: two processes with many threads each only fight over the cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest
FAST := not learning and not web and not desktop and not packaging
REST := (learning or web or desktop) and not packaging

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-rest test-all check-native check-cuda sanitize-cuda gpu-check lint format wheel clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

install: $(STAMP) ## create .venv and install the package (editable) with all it needs

# torch first, so that the pinned build is there before anything else asks for one.
$(STAMP): pyproject.toml constraints.txt $(NATIVE)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -c constraints.txt torch
	$(BIN)/pip install -c constraints.txt -e '.[demo,dev,hub,metrics,perceptual,viewer]'
	@touch $@

demo: install ## synthesize, train a small GAN and write demo/report.html (under 3 minutes after the install)
	$(BIN)/monai-gan demo -o $(DEMO_DIR)

test: install test-fast lint ## the fast tests (at most 8 minutes on 2 cores), lint and types

test-fast: install ## only the fast tests
	$(PYTEST) -n $(JOBS) -m '$(FAST)'

test-rest: install ## the tests that train, need a browser or a screen, or build wheels
	$(PYTEST) -n $(JOBS) -m '$(REST)'
	$(PYTEST) -m packaging

test-all: test test-rest ## every test, lint and types

# The tests of the CUDA kernels are one program: on the CPU with a thread for every CUDA thread, or on a GPU.
CUDA_BUILD := build/cuda
CUDA_KERNELS := csrc/cuda/group_norm_act.cu
CUDA_TESTS := $(wildcard csrc/tests/cuda_test_*.cpp) csrc/cuda/plan.cpp
NVCC := $(shell command -v nvcc)
COMPILE_CUDA := nvcc -std=c++17 -O3 -lineinfo -Xptxas=--warn-on-spills -Werror=all-warnings -Icsrc
EMULATE := $(CXX) -std=c++20 -O1 -g -Wall -Wextra -Wno-unknown-pragmas -DMONAI_GAN_CUDA_EMULATION -pthread -Icsrc

check-cuda: ## compile the CUDA kernels, if there is nvcc, and test them on the CPU under sanitizers
	@mkdir -p $(CUDA_BUILD)
ifeq ($(NVCC),)
	@echo "nvcc is not there: the CUDA kernels are tested on the CPU but not compiled."
else
	$(COMPILE_CUDA) -arch=sm_80 -c $(CUDA_KERNELS) -o $(CUDA_BUILD)/sm_80.o
	$(COMPILE_CUDA) -arch=sm_90 -c $(CUDA_KERNELS) -o $(CUDA_BUILD)/sm_90.o
endif
	$(EMULATE) -fsanitize=thread -o $(CUDA_BUILD)/races $(CUDA_TESTS) -x c++ $(CUDA_KERNELS)
	TSAN_OPTIONS=halt_on_error=1 $(CUDA_BUILD)/races --quick
	$(EMULATE) -fsanitize=address,undefined -fno-sanitize-recover=all -o $(CUDA_BUILD)/emulated $(CUDA_TESTS) -x c++ $(CUDA_KERNELS)
	$(CUDA_BUILD)/emulated

sanitize-cuda: ## run the CUDA kernels on a GPU under compute-sanitizer: memory, races, barriers
	@for program in nvcc compute-sanitizer nvidia-smi; do command -v $$program >/dev/null || \
	  { echo "sanitize-cuda: $$program is not there; it needs a GPU with its driver and the CUDA toolkit."; exit 1; }; done
	@nvidia-smi -L | grep -q GPU || { echo "sanitize-cuda: there is no GPU."; exit 1; }
	@mkdir -p $(CUDA_BUILD)
	$(COMPILE_CUDA) -arch=native -x cu -o $(CUDA_BUILD)/device $(CUDA_TESTS) $(CUDA_KERNELS)
	$(CUDA_BUILD)/device
	for tool in memcheck racecheck synccheck; do \
	  compute-sanitizer --tool $$tool --error-exitcode 1 $(CUDA_BUILD)/device --quick || exit 1; done

gpu-check: ## test and measure on a GPU, with the packages of PYTHON (under 15 minutes; installs nothing)
	PYTHON=$(PYTHON) benchmarks/gpu_check.sh

lint: install ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Twice: as for a compiler without vector types, then with every instruction set of this machine.
check-native: ## the tests of the C++ kernels under AddressSanitizer and UBSan (needs cmake)
	for plain in ON OFF; do \
	  cmake -S csrc -B build/check-native-$$plain -DMONAI_GAN_PLAIN=$$plain -DMONAI_GAN_PYTHON=OFF -DMONAI_GAN_TESTS=ON \
	    -DCMAKE_CXX_FLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all' && \
	  cmake --build build/check-native-$$plain --parallel $(JOBS) && \
	  build/check-native-$$plain/tests/cpu_tests || exit 1; \
	done

wheel: install ## build the source archive and the wheel into dist/
	$(BIN)/python -m build

clean: ## remove .venv, builds and caches
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
