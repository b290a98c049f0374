from __future__ import annotations

import pytest
import torch

from monai_gan.apps.memory import memory_error
from monai_gan.errors import GPUMemoryError, HostMemoryError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(torch.OutOfMemoryError("CUDA out of memory."), GPUMemoryError, id="cuda"),
        pytest.param(RuntimeError("MPS backend out of memory (MPS allocated ...)"), GPUMemoryError, id="mps"),
        pytest.param(MemoryError(), HostMemoryError, id="python"),
        pytest.param(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate"), HostMemoryError, id="torch"),
        pytest.param(RuntimeError("shapes do not match"), type(None), id="something-else"),
    ],
)
def test_recognised(error: Exception, kind: type) -> None:
    assert type(memory_error(error)) is kind
