"""Published state dicts: read without running code, renamed and compared with a network strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from monai_gan.errors import WeightsError

#: The parts of torchvision's ResNet in the order in which RadImageNet's files number them.
RESNET_PARTS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")


def without_wrapper(name: str) -> str:
    """The name that a tensor had before ``DataParallel`` put ``module.`` in front."""
    return name.removeprefix("module.")


def numbered_resnet(name: str) -> str:
    """``backbone.4.0.conv1.weight`` is ``layer1.0.conv1.weight``."""
    prefix, _, rest = name.partition(".")
    number, _, rest = rest.partition(".")
    known = prefix == "backbone" and number.isdecimal() and int(number) < len(RESNET_PARTS)
    return f"{RESNET_PARTS[int(number)]}.{rest}" if known else name


def read_published(source: Path | str | Mapping[str, Any], key: str | None = None) -> dict[str, Tensor]:
    """A state dict from a file or from memory, without running code from the file.

    Args:
        source: the file or the state dict; either may hold it under ``state_dict``.
        key: where else in ``source`` the state dict is.

    Raises:
        WeightsError: if the file is missing, damaged, or no state dict.
    """

    content: Any = source
    if not isinstance(source, Mapping):
        try:
            content = torch.load(source, map_location="cpu", weights_only=True)
        except FileNotFoundError as error:
            raise WeightsError(
                f"The weights '{source}' do not exist; give the file of the published state dict."
            ) from error
        except Exception as error:  # torch raises many kinds for a damaged file
            raise WeightsError(
                f"The weights '{source}' are damaged or hold more than tensors, which could run code; get the "
                "published state dict again."
            ) from error
    if key is not None:
        if not isinstance(content, Mapping) or key not in content:
            raise WeightsError(f"The weights {named(source)} hold no '{key}'; give the key of the state dict in them.")
        content = content[key]
    elif isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"The weights {named(source)} are no state dict of tensors; get the published one.")
    return dict(content)


def load_published(
    network: nn.Module, source: Path | str | Mapping[str, Any], rename: Callable[[str], str] = str
) -> None:
    """Fill a network from a published state dict, strictly.

    A counter of batches is let pass on either side: older files lack it, and inference does not use it.

    Args:
        network: the network.
        source: the file or the state dict, as for :func:`read_published`.
        rename: from the names in the file to those of the network.

    Raises:
        WeightsError: if the file is missing, damaged, no state dict, or does not fit.
    """
    state = {rename(key): value for key, value in read_published(source).items()}
    fill(network, state, source)


def fill(network: nn.Module, state: Mapping[str, Tensor], source: Any) -> None:
    """Load a state dict whose names are the network's, strictly but for counters of batches.

    Args:
        network: the network.
        state: the tensors.
        source: where they come from, for the error.

    Raises:
        WeightsError: if a name or a shape does not fit.
    """
    own = network.state_dict()
    counters = {key for key in own if key.endswith(".num_batches_tracked")}
    wrong = [f"'{key}' is missing" for key in own if key not in state and key not in counters]
    wrong += [f"'{key}' is unknown" for key in state if key not in own and not key.endswith(".num_batches_tracked")]
    wrong += [
        f"'{key}' is {tuple(state[key].shape)}, not {tuple(value.shape)}"
        for key, value in own.items()
        if key in state and state[key].shape != value.shape
    ]
    if wrong:
        raise WeightsError(
            f"The weights {named(source)} are not those of {type(network).__name__}: {', '.join(wrong[:3])}"
            f"{' and more' if len(wrong) > 3 else ''}; give the published file of this network."
        )
    network.load_state_dict({key: state.get(key, value) for key, value in own.items()})


def named(source: Any) -> str:
    """How an error speaks of where weights come from."""
    return "that were given" if isinstance(source, Mapping) else f"'{source}'"
