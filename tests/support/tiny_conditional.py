"""Conditional generators of 8 px images, as a network and as bundles."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny_bundle import GENERATOR, IMAGE_SIZE, LATENT_SIZE, build_tiny_bundle, read_config, write_config
from torch import Tensor, nn

from monai_gan.bundle import save_weights, write_checksums
from monai_gan.networks import nets


class ConditionalGenerator(nn.Module):
    """The mean of an image is below zero for class 0 and above it for class 1."""

    latent_size = LATENT_SIZE
    spatial_dims = 2

    def __init__(self) -> None:
        super().__init__()
        self.to_image = nn.Linear(LATENT_SIZE, 64)
        self.shift = nn.Parameter(torch.tensor([-2.0, 2.0]), requires_grad=False)

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        """Images (N, 1, 8, 8) in [-1, 1] of latents (N, 4) and classes (N,)."""
        values = torch.tanh(self.to_image(image) + self.shift[label][:, None])
        return values.view(-1, 1, 8, 8)


def build_conditional_bundle(folder: Path, name: str = "tiny_conditional") -> Path:
    """Write a bundle of :class:`ConditionalGenerator` with the classes healthy and ill; it needs trust."""
    root = build_tiny_bundle(folder, name)
    inference, metadata = read_config(root, "inference"), read_config(root, "metadata")
    inference["network_def"] = {"_target_": f"{ConditionalGenerator.__module__}.ConditionalGenerator"}
    metadata["monai_gan"]["labels"] = ["healthy", "ill"]
    write_config(root, "inference", inference)
    write_config(root, "metadata", metadata)
    torch.manual_seed(0)
    save_weights(ConditionalGenerator(), root / "models" / "model.pt")
    write_checksums(root)
    return root


def build_classes_bundle(folder: Path, dims: int = 2, name: str = "tiny_classes") -> Path:
    """Write a bundle of a conditional network of this package, with the classes brain, liver and lung; no trust."""
    root = build_tiny_bundle(folder, name)
    inference, metadata = read_config(root, "inference"), read_config(root, "metadata")
    inner = {**GENERATOR, "spatial_dims": dims, "latent_size": LATENT_SIZE + 2}
    condition = {"num_classes": 3, "embedding_size": 2}
    inference["network_def"] = {
        "_target_": "monai_gan.networks.nets.ConditionalGenerator",
        **condition,
        "generator": {"_target_": "monai_gan.networks.nets.DCGANGenerator", **inner},
    }
    metadata["monai_gan"].update(labels=["brain", "liver", "lung"], spatial_dims=dims)
    metadata["network_data_format"]["outputs"]["pred"]["spatial_shape"] = [IMAGE_SIZE] * dims
    write_config(root, "inference", inference)
    write_config(root, "metadata", metadata)
    torch.manual_seed(0)
    save_weights(nets.ConditionalGenerator(nets.DCGANGenerator(**inner), **condition), root / "models" / "model.pt")
    write_checksums(root)
    return root
