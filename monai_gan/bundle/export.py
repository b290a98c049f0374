"""Put trained weights into a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from monai_gan.bundle.checksums import write_checksums
from monai_gan.bundle.files import WEIGHTS
from monai_gan.bundle.network import build_network
from monai_gan.bundle.weights import check_state, save_weights

if TYPE_CHECKING:
    from torch import Tensor


def export_weights(state: Mapping[str, Tensor], path: Path | str, trust: bool = False) -> Path:
    """Save a trained state dict as a bundle's weights and refresh its checksums.

    Args:
        state: of the inference network, usually the averaged generator's.
        path: the bundle's root.
        trust: whether the bundle's configuration may run code, see :func:`~monai_gan.bundle.network.load_network`.

    Returns:
        ``models/model.pt`` of the bundle.

    Raises:
        InputError: if the bundle's network cannot be built or the file cannot be written.
        WeightsError: if the state dict does not fit the network; nothing is written then.
        InvalidResultError: if a value does not fit half precision; nothing is written then.
    """
    root = Path(path)
    check_state(build_network(root, trust=trust), state, "The weights to export")
    target = save_weights(state, root / WEIGHTS)
    write_checksums(root)
    return target
