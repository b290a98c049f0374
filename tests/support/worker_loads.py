"""What worker processes load, and that they leave the GPU alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import monai_gan.apps
from monai_gan.apps import load


def count_loads(monkeypatch: pytest.MonkeyPatch, log: Path) -> None:
    """Write the process and device of every load to a file, also from the processes forked from here."""

    def load_and_tell(*words: Any, **options: Any) -> Any:
        with log.open("a") as file:
            file.write(f"{os.getpid()} {options['device']}\n")
        return load(*words, **options)

    monkeypatch.setattr(monai_gan.apps, "load", load_and_tell)


def check_loads(log: Path, workers: int) -> None:
    """Each worker loaded once, on the CPU, and this process did not load."""
    lines = log.read_text().splitlines()
    assert len(lines) == len({line.split()[0] for line in lines}) == workers
    assert {line.split()[1] for line in lines} == {"cpu"}
    assert str(os.getpid()) not in log.read_text()


def forbid_cuda(worker: int) -> None:
    """In a worker, let every way to the GPU raise."""
    touched: Callable[..., Any] = _touched
    torch.cuda.is_available = touched
    torch.cuda.device_count = touched
    torch.cuda._lazy_init = touched


def _touched(*_: Any, **__: Any) -> None:
    raise AssertionError("CUDA was touched")
