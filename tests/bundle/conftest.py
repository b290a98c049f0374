"""Fixtures of the bundle tests: tiny bundles, and no look at the user's own folders."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from monai_gan.bundle import write_checksums

Edit = Callable[[Path, str, Callable[[dict[str, Any]], Any]], None]


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The module that builds tiny bundles; loaded by path, because test folders are no packages."""
    path = Path(__file__).parents[1] / "support" / "tiny_bundle.py"
    spec = importlib.util.spec_from_file_location("tiny_bundle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests away from the user's cache and bundles, and from those that ship with the package."""
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MONAI_GAN_BUNDLES", raising=False)
    monkeypatch.setattr("monai_gan.bundle.locate.packaged_roots", lambda: [tmp_path / "packaged"])


@pytest.fixture
def make_bundle(tmp_path: Path, tiny: ModuleType) -> Callable[..., Path]:
    """Build a tiny bundle: ``make_bundle(folder="outside", name=..., version=..., seed=...)``."""

    def make(folder: str = "outside", **kwargs: Any) -> Path:
        root: Path = tiny.build_tiny_bundle(tmp_path / folder, **kwargs)
        return root

    return make


@pytest.fixture
def bundle(make_bundle: Callable[..., Path]) -> Path:
    """A tiny bundle from outside the package."""
    return make_bundle()


@pytest.fixture
def packaged(make_bundle: Callable[..., Path]) -> Path:
    """A tiny bundle that counts as shipped with the package."""
    return make_bundle("packaged")


@pytest.fixture
def edit(tiny: ModuleType) -> Edit:
    """Change a configuration and refresh the checksums: ``edit(root, "train", lambda c: c.update(seed=1))``."""

    def change(root: Path, name: str, action: Callable[[dict[str, Any]], Any]) -> None:
        content = tiny.read_config(root, name)
        action(content)
        tiny.write_config(root, name, content)
        write_checksums(root)

    return change
