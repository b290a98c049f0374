"""The inference network of a bundle, with its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.bundle.checksums import check_files, listed_files
from monai_gan.bundle.config import load_config
from monai_gan.bundle.files import METADATA, WEIGHTS, is_bundle, read_json
from monai_gan.bundle.info import BundleInfo, not_a_bundle
from monai_gan.bundle.safety import build, plain_definition
from monai_gan.bundle.weights import load_weights
from monai_gan.errors import InputError, WeightsError

if TYPE_CHECKING:
    import torch
    from torch import nn

#: Configuration that defines the inference network.
CONFIG = "configs/inference.json"


def load_network(path: Path | str, device: str | torch.device = "cpu", trust: bool = False) -> nn.Module:
    """Load a bundle's inference network: checksums first, then ``network_def``, then the weights, strictly.

    Without trust the network is built from plain values and the networks of this package, MONAI and torch only, so that
    nothing in a bundle can run code.

    Args:
        path: the bundle's root.
        device: where the network goes.
        trust: whether the bundle may run code; expressions and any target are then allowed, checksums may be absent.

    Returns:
        The network in eval mode, in float32.

    Raises:
        InputError: if the folder is no bundle, or its network cannot be built or not without trust.
        WeightsError: if the bundle is a configuration only, or files are missing, truncated, altered or unsafe, or do
            not fit the network.
    """
    root = Path(path)
    if not is_bundle(root):
        raise InputError(not_a_bundle(root))
    info = BundleInfo.from_path(root)
    if info.untrained:
        raise WeightsError(
            f"Bundle '{info.name}' is a configuration only, without weights: train it, and give the bundle that is "
            f"then in runs/{info.name}.",
            hint=info.training_command,
        )
    if not trust or listed_files(root):
        check_files(root, (CONFIG, WEIGHTS))
    network = build_network(root, trust=trust)
    load_weights(network, root / WEIGHTS)
    return network.to(device).eval()


def build_network(path: Path | str, trust: bool = False) -> nn.Module:
    """Build ``network_def`` of a bundle's inference configuration, without weights.

    Args:
        path: the bundle's root.
        trust: as in :func:`load_network`.

    Raises:
        InputError: if it cannot be built, or not without trust.
    """
    from torch import nn

    root = Path(path)
    try:
        if trust:
            network: Any = load_config(root, "inference", trust=True).get_parsed_content("network_def")
        else:
            network = build(safe_definition(root), "network_def")
    except InputError as error:
        raise InputError(f"The network of bundle '{root.name}' cannot be built: {error}") from error
    except Exception as error:  # a trusted configuration runs code, which may raise anything
        reason = " ".join(str(error.__cause__ or error).split())
        raise InputError(
            f"The network of bundle '{root.name}' cannot be built: {reason}; correct '{CONFIG}'."
        ) from error
    if not isinstance(network, nn.Module):
        raise InputError(f"network_def of bundle '{root.name}' is {network!r}: it must name a network by '_target_'.")
    return network


def safe_definition(path: Path) -> dict[str, Any]:
    """``network_def`` as plain values, see :func:`~monai_gan.bundle.safety.plain_definition`.

    Raises:
        InputError: if it is missing or holds code.
    """
    config = {**read_json(path / CONFIG), "_meta_": read_json(path / METADATA), "bundle_root": str(path)}
    return plain_definition(config, "network_def")
