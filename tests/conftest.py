"""Fixtures that all rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch


def pytest_configure(config: pytest.Config) -> None:
    """Keep workers from fighting over the cores: each of pytest-xdist's processes gets one thread."""
    if hasattr(config, "workerinput"):
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets, named by ``MONAI_GAN_DATA``; without it tests are skipped, or fail in CI."""
    value = os.environ.get("MONAI_GAN_DATA", "")
    if value and Path(value).is_dir():
        return Path(value)
    message = f"MONAI_GAN_DATA={value!r} is not a folder" if value else "MONAI_GAN_DATA is not set"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{message}, and CI=true does not allow tests on real data to be skipped")
    pytest.skip(f"{message}; set it to the folder that holds the data sets")


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    """Start each test from one seed, so that its outcome does not depend on the tests before it."""
    torch.manual_seed(0)
