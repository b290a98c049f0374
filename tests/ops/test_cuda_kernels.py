"""CUDA kernels: emulated on the CPU wherever there is g++, compiled where there is nvcc, run where there is a GPU."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from monai_gan.ops import _native
from monai_gan.ops._cuda import group_norm_act as kernels
from monai_gan.ops.group_norm_act import reference

SOURCES = Path(__file__).parents[2] / "csrc"
# Relative to the largest value of a result: float32 arithmetic, then the rounding of the type.
TOLERANCES = {torch.float32: 2e-5, torch.float16: 1e-3, torch.bfloat16: 8e-3}
CASES = [
    pytest.param((2, 6, 7, 9), 3, id="odd"),
    pytest.param((2, 4, 16, 8), 4, id="instance"),
    pytest.param((1, 40, 8), 1, id="layer"),
    pytest.param((1, 2, 3, 4, 5), 1, id="3d"),
]
OPTIONS = [
    pytest.param("silu", True, True, id="silu"),
    pytest.param("leaky_relu", True, True, id="leaky_relu"),
    pytest.param("silu", False, False, id="silu_alone"),
]
SLOPE = 0.2


class Problem:
    """Random arguments of the kernels and, by autograd in float64, what has to come out."""

    def __init__(
        self,
        shape: tuple[int, ...],
        groups: int,
        dtype: torch.dtype,
        activation: str = "silu",
        affine: bool = True,
        parameters: bool = True,
        device: str = "cpu",
    ) -> None:
        generator = torch.Generator().manual_seed(5)

        def draw(*size: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.randn(size, generator=generator).to(device, dtype)

        self.groups, self.activation = groups, activation
        self.x, self.grad, self.v = (draw(*shape, dtype=dtype) for _ in range(3))
        self.weight, self.bias = (draw(shape[1]), draw(shape[1])) if affine else (None, None)
        self.p, self.s = (draw(shape[1]), draw(shape[1])) if parameters else (None, None)
        wide = self.x.double().unflatten(1, (groups, -1)).flatten(2)
        variance, mean = torch.var_mean(wide, dim=2, correction=0)
        self.mean, self.rstd = mean.float(), (variance + 1e-5).rsqrt().float()

    @property
    def shared(self) -> tuple[Any, ...]:
        smooth = self.activation == "silu"
        return self.grad, self.x, self.mean, self.rstd, self.weight, self.bias, self.groups, smooth, SLOPE

    def backward(self) -> tuple[Tensor, ...]:
        return kernels.backward(*self.shared, True)

    def double_backward(self) -> tuple[Tensor, ...]:
        return kernels.double_backward(self.v, self.p, self.s, *self.shared)

    def expected(self) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Results of both kernels."""
        ones, zeros = torch.ones_like(self.x[0].flatten(1)[:, 0]), torch.zeros_like(self.x[0].flatten(1)[:, 0])
        weight, bias = ones if self.weight is None else self.weight, zeros if self.bias is None else self.bias
        leaves = [tensor.double().requires_grad_() for tensor in (self.grad, self.x, weight, bias)]
        grad, *inputs = leaves
        z = reference(inputs[0], self.groups, *inputs[1:], activation=self.activation, negative_slope=SLOPE)
        first = torch.autograd.grad(z, inputs, grad, create_graph=True)
        cotangents = (self.v, zeros if self.p is None else self.p, zeros if self.s is None else self.s)
        value = sum((ours * theirs.double()).sum() for ours, theirs in zip(first, cotangents, strict=True))
        second = torch.autograd.grad(value, leaves, materialize_grads=True)
        return tuple(tensor.detach() for tensor in first), second


def check(problem: Problem) -> None:
    expected_first, expected_second = problem.expected()
    for ours, theirs in zip(
        problem.backward() + problem.double_backward(), expected_first + expected_second, strict=True
    ):
        full = ours.shape == problem.x.shape
        assert ours.dtype == (problem.x.dtype if full else torch.float32)
        scale = max(theirs.abs().max().item(), 1e-3)
        tolerance = TOLERANCES[problem.x.dtype if full else torch.float32]
        torch.testing.assert_close(ours.double(), theirs, rtol=0, atol=tolerance * scale)


def needs(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not there")
    return path


def emulate(output: Path, *sources: Path | str) -> Path:
    """Compile with the CPU's threads in place of the GPU's."""
    options = ["-std=c++20", "-O1", "-Wno-unknown-pragmas", "-DMONAI_GAN_CUDA_EMULATION", "-pthread", f"-I{SOURCES}"]
    subprocess.run([needs("g++"), *options, "-o", output, *sources], check=True)
    return output


@pytest.fixture(scope="module")
def emulated_kernels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The kernels and their plans as objects, which take most of the time to compile."""
    folder = tmp_path_factory.mktemp("cuda")
    kernel = emulate(folder / "kernels.o", "-fPIC", "-c", "-x", "c++", SOURCES / "cuda" / "group_norm_act.cu")
    return kernel, emulate(folder / "plan.o", "-fPIC", "-c", SOURCES / "cuda" / "plan.cpp")


@pytest.fixture(scope="module")
def emulated_module(emulated_kernels: tuple[Path, Path]) -> Any:
    """What a CUDA build adds to the compiled module, for tensors on the CPU."""
    pybind11 = pytest.importorskip("pybind11")
    includes = [f"-I{folder}" for folder in (pybind11.get_include(), sysconfig.get_path("include"))]
    path = emulated_kernels[0].with_name("cuda_emulated.so")
    options = ["-O0", "-shared", "-fPIC", "-fvisibility=hidden", *includes]
    bindings = SOURCES / "cuda" / "bindings.cpp", SOURCES / "tests" / "cuda_emulated_module.cpp"
    emulate(path, *options, *bindings, *emulated_kernels)
    spec = importlib.util.spec_from_file_location("cuda_emulated", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def emulation(emulated_module: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the emulated kernels behind the adapter, as on a device of capability 9.0."""
    monkeypatch.setattr(_native, "module", emulated_module)
    monkeypatch.setattr(kernels, "_device", lambda device: ((9, 0), 1))
    monkeypatch.setattr(kernels, "_queue", lambda device: (0, 0))
    kernels._plan.cache_clear()
    yield
    kernels._plan.cache_clear()


class Triton:
    """Takes the place of Triton's kernels and answers with the name of what was called."""

    def __getattr__(self, name: str) -> Callable[..., str]:
        return lambda *arguments: name


def test_kernels_are_right_with_a_thread_of_the_cpu_for_every_thread(emulated_kernels: tuple[Path, Path]) -> None:
    program = emulated_kernels[0].with_name("tests")
    emulate(program, *sorted((SOURCES / "tests").glob("cuda_test_*.cpp")), *emulated_kernels)
    result = subprocess.run([program, "--quick"], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^[1-9]\d* passed, 0 failed$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize(("activation", "affine", "parameters"), OPTIONS)
@pytest.mark.parametrize(("shape", "groups"), CASES)
def test_adapter_hands_everything_to_the_kernels(
    shape: tuple[int, ...], groups: int, activation: str, affine: bool, parameters: bool, emulation: None
) -> None:
    check(Problem(shape, groups, torch.float32, activation, affine, parameters))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_adapter_serves_half_precision(dtype: torch.dtype, emulation: None) -> None:
    check(Problem((1, 2, 8, 8), 1, dtype))


def test_tensors_may_start_anywhere_in_memory(emulation: None) -> None:
    problem = Problem((1, 2, 8, 8), 2, torch.float32)
    problem.x = torch.cat([torch.zeros(1), problem.x.flatten()])[1:].view_as(problem.x)
    assert problem.x.data_ptr() % 16 != 0
    check(problem)


def test_gradients_of_parameters_are_left_out_on_request(emulation: None) -> None:
    problem = Problem((1, 2, 8, 8), 2, torch.float32)
    grad_x, grad_weight, grad_bias = kernels.backward(*problem.shared, False)
    assert torch.equal(grad_x, problem.backward()[0])
    assert grad_weight.shape == grad_bias.shape == (0,)


@pytest.mark.parametrize(
    ("shape", "dtype", "capability", "expected"),
    [
        pytest.param((8, 64, 64, 64, 64), torch.bfloat16, (9, 0), True, id="64_cubed_in_16_bits"),
        pytest.param((8, 64, 64, 64, 64), torch.float32, (9, 0), False, id="64_cubed_in_32_bits"),
        pytest.param((8, 64, 256, 256), torch.float32, (9, 0), True, id="256_squared_in_32_bits"),
        pytest.param((8, 64, 256, 256), torch.float32, (8, 0), False, id="no_clusters"),
        pytest.param((8, 64, 112, 112), torch.float32, (8, 0), True, id="a_block_of_8_0"),
        pytest.param((8, 64, 112, 112), torch.float32, (8, 9), False, id="a_block_of_8_9"),
        pytest.param((8, 64, 8, 8), torch.float32, (7, 5), False, id="old_device"),
        pytest.param((8, 64, 9, 9), torch.float16, (9, 0), False, id="odd_in_16_bits"),
        pytest.param((8, 64, 8, 8), torch.float64, (9, 0), False, id="float64"),
    ],
)
def test_fits_tells_what_shared_memory_holds(
    shape: tuple[int, ...], dtype: torch.dtype, capability: tuple[int, int], expected: bool, emulation: None
) -> None:
    assert kernels.fits(shape, 64, dtype, capability) is expected


def test_nothing_fits_without_a_cuda_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "module", None)
    kernels._plan.cache_clear()
    assert not kernels.fits((1, 1, 8, 8), 1, torch.float32, (9, 0))
    kernels._plan.cache_clear()


def test_triton_serves_what_does_not_fit(emulation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_triton", Triton)
    wide = Problem((1, 2, 4, 4), 2, torch.float32)
    wide.x = wide.x.double()
    strided = Problem((1, 2, 4, 4), 2, torch.float32)
    strided.x = strided.x.contiguous(memory_format=torch.channels_last)
    monkeypatch.setattr(kernels, "_device", lambda device: ((7, 5), 1))
    for problem in (wide, strided, Problem((1, 2, 4, 4), 2, torch.float32)):
        assert problem.backward() == "backward"
        assert problem.double_backward() == "double_backward"
    assert kernels.forward(wide.x, None, None, 2, 1e-5, False, SLOPE) == "forward"


@pytest.fixture
def gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    if not hasattr(_native.module, "cuda_architectures"):
        pytest.skip("the compiled module was built without CUDA")


@pytest.mark.parametrize("dtype", list(TOLERANCES), ids=["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(("activation", "affine", "parameters"), OPTIONS)
@pytest.mark.parametrize(("shape", "groups"), [*CASES, pytest.param((3, 4, 128, 128), 2, id="large")])
def test_kernels_are_right_on_the_gpu(
    shape: tuple[int, ...], groups: int, activation: str, affine: bool, parameters: bool, dtype: torch.dtype, gpu: None
) -> None:
    check(Problem(shape, groups, dtype, activation, affine, parameters, device="cuda"))


def test_the_gpu_gives_the_same_bits_again(gpu: None) -> None:
    problem = Problem((2, 4, 96, 96), 2, torch.bfloat16, device="cuda")
    for first, second in zip(problem.double_backward(), problem.double_backward(), strict=True):
        assert torch.equal(first, second)


def test_a_captured_graph_replays_with_new_values(gpu: None) -> None:
    problem = Problem((2, 4, 64, 64), 2, torch.float32, device="cuda")
    problem.double_backward()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = problem.double_backward()
    problem.v.mul_(2)
    graph.replay()
    for ours, theirs in zip(captured, problem.double_backward(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.packaging
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_nvcc_keeps_everything_in_registers(
    architecture: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    source, output = SOURCES / "cuda" / "group_norm_act.cu", tmp_path / "kernels.o"
    options = ["-std=c++17", "-O3", f"-arch={architecture}", "-Xptxas=-v", f"-I{SOURCES}"]
    result = subprocess.run(
        [needs("nvcc"), *options, "-c", source, "-o", output], check=True, capture_output=True, text=True
    )
    spills = [int(size) for size in re.findall(r"(\d+) bytes spill", result.stderr)]
    registers = [int(count) for count in re.findall(r"Used (\d+) registers", result.stderr)]
    static = [int(size) for size in re.findall(r"(\d+) bytes smem", result.stderr)]
    record_property("registers", max(registers))
    record_property("static_shared_memory", max(static, default=0))
    # Two operations, two kinds of activation, three types, vectors and single elements.
    assert len(registers) == 24
    assert max(spills) == 0
    # 64 registers let two blocks of 512 threads share a multiprocessor; shared memory is asked for at the launch.
    assert max(registers) <= 64
    assert not any(static)
