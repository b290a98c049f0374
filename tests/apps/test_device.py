from __future__ import annotations

import pytest
import torch

from monai_gan.apps.device import available_devices, resolve_device
from monai_gan.errors import InputError


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Card {index}")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(
    ("name", "expected"), [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1"), ("cpu", "cpu")]
)
def test_present_devices(name: str, expected: str) -> None:
    assert str(resolve_device(name)) == expected
    assert available_devices()["cuda:1"] == "Card 1"


@pytest.mark.usefixtures("no_gpu")
def test_auto_without_a_gpu_is_the_cpu() -> None:
    assert str(resolve_device("auto")) == "cpu"


@pytest.mark.usefixtures("two_gpus")
def test_absent_index_names_what_is_there() -> None:
    with pytest.raises(InputError, match=r"cuda:7.*cuda:0 \(Card 0\), cuda:1 \(Card 1\)"):
        resolve_device("cuda:7")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_absent_device_is_not_replaced_in_silence(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}.*not there.*cpu"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["gpu", "", "CUDA 0", "cpux"])
def test_unknown_name_lists_the_choices(name: str) -> None:
    with pytest.raises(InputError, match="choose auto, cpu, cuda, cuda:N or mps"):
        resolve_device(name)
