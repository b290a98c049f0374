"""Writes a complete bundle of a small StyleGAN2 generator that knows nothing, with two named directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tiny_bundle import build_tiny_bundle, read_config, write_config

from monai_gan.bundle import save_weights, write_checksums
from monai_gan.networks.nets import StyleGAN2Generator

GENERATOR: dict[str, Any] = {"spatial_dims": 2, "latent_size": 4, "image_size": 8, "channels": 4, "mapping_layers": 2}


def build_style_bundle(folder: Path, labels: tuple[str, ...] = (), **generator: Any) -> Path:
    """A bundle of an untrained StyleGAN2 generator with two named directions, conditioned on classes if it has any."""
    generator["num_classes"] = len(labels)
    root = build_tiny_bundle(folder, "tiny_style")
    inference, metadata = read_config(root, "inference"), read_config(root, "metadata")
    network = {"_target_": "monai_gan.networks.nets.StyleGAN2Generator", **GENERATOR, **generator}
    inference["network_def"] = network
    metadata["monai_gan"]["directions"] = [
        {"name": "contrast", "number": 0},
        {"name": "grain", "number": 1, "layers": [2]},
    ]
    if labels:
        metadata["monai_gan"]["labels"] = list(labels)
    write_config(root, "inference", inference)
    write_config(root, "metadata", metadata)
    torch.manual_seed(0)
    made = StyleGAN2Generator(**GENERATOR, **generator)
    made.mapping.average.normal_()  # type: ignore[union-attr,operator]
    save_weights(made, root / "models" / "model.pt")
    write_checksums(root)
    return root
