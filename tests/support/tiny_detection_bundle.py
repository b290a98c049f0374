"""Writes complete detection bundles whose reconstruction is black, so that maps and scores are the brightness."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny_bundle import build_tiny_bundle, read_config, write_config
from torch import nn

from monai_gan.bundle import save_weights, write_checksums
from monai_gan.networks.nets import ReconstructionNetwork

#: Scores of ten normal images, one each.
CALIBRATION: dict[str, Any] = {
    "unit": "patient",
    "n": 9,
    "scores": [round(0.1 * i, 1) for i in range(1, 10)],
    "units": [str(i) for i in range(9)],
}


def build_detection_bundle(
    folder: Path,
    name: str = "tiny_detector",
    *,
    spatial_dims: int = 2,
    image_size: int = 16,
    detection: dict[str, Any] | None = None,
    **extra: Any,
) -> Path:
    """Write a bundle into ``folder / name`` and return that path.

    The map is the brightness above -1, the score its mean over the brightest hundredth.

    Args:
        folder: where the bundle goes.
        name: of its folder.
        spatial_dims: of the network.
        image_size: that the network is said to take.
        detection: replaces entries of the block of that name.
        **extra: replaces further entries of the block ``monai_gan``.
    """
    root = build_tiny_bundle(folder, name)
    kind = f"Conv{spatial_dims}d"
    layer = getattr(nn, kind)(1, 1, 1)
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, -1.0)
    definition = {
        "_target_": "monai_gan.networks.nets.ReconstructionNetwork",
        "network": {"_target_": f"torch.nn.{kind}", "in_channels": 1, "out_channels": 1, "kernel_size": 1},
    }
    write_config(root, "inference", read_config(root, "inference") | {"network_def": definition})
    metadata = read_config(root, "metadata")
    image = {
        "type": "image",
        "format": "magnitude",
        "modality": "MR",
        "num_channels": 1,
        "spatial_shape": [image_size] * spatial_dims,
        "dtype": "float32",
        "value_range": [-1, 1],
        "channel_def": {"0": "image"},
    }
    metadata["network_data_format"] = {"inputs": {"image": image}, "outputs": {"pred": image | {"value_range": []}}}
    block = {
        "orientation": "PLS" if spatial_dims == 2 else "RAS",
        "score": "map",
        "body_threshold": None,
        "percentile": None,
        "map_threshold": 0.9,
        "rate": 0.1,
        "calibration": {"image": CALIBRATION},
    }
    metadata["monai_gan"] |= {
        "task": "anomaly_detection",
        "spatial_dims": spatial_dims,
        "modality_in": "T1-weighted MR",
        "modality_out": "anomaly map",
        "spacing_mm": [1.0] * 3 if spatial_dims == 3 else None,
        "intensity": {"minimum": 0, "maximum": 200, "units": "arbitrary"},
        "detection": block | (detection or {}),
    } | extra
    write_config(root, "metadata", metadata)
    save_weights(ReconstructionNetwork(layer), root / "models" / "model.pt")
    write_checksums(root)
    return root
