"""Writes a complete bundle that is small enough to build and run in milliseconds: an 8 px DCGAN that knows nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from monai_gan.bundle import save_weights, write_checksums
from monai_gan.networks.nets import DCGANGenerator

LATENT_SIZE = 4
IMAGE_SIZE = 8
GENERATOR: dict[str, Any] = {
    "spatial_dims": 2,
    "latent_size": LATENT_SIZE,
    "out_channels": 1,
    "image_size": IMAGE_SIZE,
    "channels": 4,
    "max_channels": 8,
}


def build_tiny_bundle(folder: Path, name: str = "tiny_dcgan", version: str = "0.1.0", seed: int = 0) -> Path:
    """Write a bundle into ``folder / name`` and return that path.

    Args:
        folder: where the bundle goes.
        name: of its folder.
        version: of the bundle.
        seed: of its random weights.
    """
    root = folder / name
    for part in ("configs", "docs", "models"):
        (root / part).mkdir(parents=True)
    (root / "LICENSE").write_text("Apache License, Version 2.0\n", encoding="utf-8")
    (root / "docs" / "README.md").write_text("# Tiny DCGAN\n\nFor tests only.\n", encoding="utf-8")
    (root / "docs" / "data_license.txt").write_text("No data: the weights are random.\n", encoding="utf-8")
    for config, content in (
        ("metadata", metadata(version)),
        ("train", train_config()),
        ("inference", inference_config()),
        ("multi_gpu_train", multi_gpu_config()),
    ):
        write_config(root, config, content)
    torch.manual_seed(seed)
    save_weights(DCGANGenerator(**GENERATOR), root / "models" / "model.pt")
    write_checksums(root)
    return root


def write_config(root: Path, name: str, content: dict[str, Any]) -> None:
    """Write ``configs/<name>.json``; checksums are not refreshed."""
    (root / "configs" / f"{name}.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def read_config(root: Path, name: str) -> dict[str, Any]:
    """Read ``configs/<name>.json``."""
    content: dict[str, Any] = json.loads((root / "configs" / f"{name}.json").read_text(encoding="utf-8"))
    return content


def metadata(version: str = "0.1.0") -> dict[str, Any]:
    """Metadata that keeps MONAI's schema and ours."""
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json",
        "version": version,
        "changelog": {version: "first version"},
        "monai_version": "1.5.1",
        "pytorch_version": "2.8.0",
        "numpy_version": "1.26.0",
        "required_packages_version": {"monai-gan": "0.1.0"},
        "name": "Tiny DCGAN",
        "task": "Synthesis of 8 px noise",
        "description": "A network with random weights, for tests.",
        "authors": "monai-gan",
        "copyright": "monai-gan",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "tuples",
                    "format": "latent",
                    "num_channels": LATENT_SIZE,
                    "spatial_shape": [],
                    "dtype": "float32",
                    "value_range": [-4, 4],
                }
            },
            "outputs": {
                "pred": {
                    "type": "image",
                    "format": "magnitude",
                    "modality": "noise",
                    "num_channels": 1,
                    "spatial_shape": [IMAGE_SIZE, IMAGE_SIZE],
                    "dtype": "float32",
                    "value_range": [-1, 1],
                    "channel_def": {"0": "image"},
                }
            },
        },
        "monai_gan": {
            "variant": "DCGAN",
            "task": "synthesis",
            "modality_in": None,
            "modality_out": "noise",
            "spatial_dims": 2,
            "spacing_mm": None,
            "intensity": {"minimum": 0, "maximum": 255, "units": "grey levels"},
            "metrics": [
                {"name": "MMD", "value": 0.5, "n": 16, "data": "none", "split": "test"},
                {"name": "FID", "value": 250.0, "n": 16, "data": "none", "split": "test", "mark": True},
            ],
            "information": {"category_0": 1.0},
            "training": {"data": "none", "steps": 0, "seconds": 0, "device": "CPU", "seed": 0, "command": "none"},
            "limits": "Not trained: of no use.",
            "quality": "demo",
        },
    }


def inference_config() -> dict[str, Any]:
    """Inference over latents, with all ids that MONAI's workflow requires."""
    return {
        "imports": ["$import torch"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "n": 3,
        "seed": 0,
        "network_def": {"_target_": "monai_gan.networks.nets.DCGANGenerator", **GENERATOR},
        "network": "$@network_def.to(@device)",
        "dataset": {
            "_target_": "monai_gan.data.LatentDataset",
            "n": "@n",
            "latent_size": "@network_def::latent_size",
            "seed": "@seed",
        },
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": 2, "num_workers": 0},
        "inferer": {"_target_": "SimpleInferer"},
        "handlers": [
            {
                "_target_": "CheckpointLoader",
                "load_path": "$@bundle_root + '/models/model.pt'",
                "load_dict": {"model": "@network"},
            }
        ],
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "val_handlers": "@handlers",
        },
        "run": ["$@evaluator.run()"],
    }


def train_config() -> dict[str, Any]:
    """Training on images of ``dataset_dir``, with all ids that MONAI's workflow requires."""
    discriminator = {key: GENERATOR[key] for key in ("spatial_dims", "image_size", "channels", "max_channels")}
    return {
        "imports": ["$import torch", "$import monai"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/data'",
        "output_dir": "$@bundle_root + '/runs'",
        "device": "cpu",
        "seed": 0,
        "max_epochs": 2,
        "batch_size": 4,
        "learning_rate": 2e-4,
        "precision": "fp32",
        "network_def": {"_target_": "monai_gan.networks.nets.DCGANGenerator", **GENERATOR},
        "discriminator_def": {"_target_": "monai_gan.networks.nets.DCGANDiscriminator", **discriminator},
        "variant": {
            "_target_": "monai_gan.variants.DCGAN",
            "generator": "@network_def",
            "discriminator": "@discriminator_def",
        },
        "optimizers": {
            role: {
                "_target_": "torch.optim.Adam",
                "params": f"$@{network}.parameters()",
                "lr": "@learning_rate",
                "betas": [0.5, 0.999],
            }
            for role, network in (("generator", "network_def"), ("discriminator", "discriminator_def"))
        },
        "train": {
            "dataset": {
                "_target_": "monai_gan.data.ImageDataset",
                "source": "@dataset_dir",
                "split": "train",
                "image_size": IMAGE_SIZE,
            },
            "dataloader": {
                "_target_": "monai_gan.data.StreamLoader",
                "dataset": "@train::dataset",
                "batch_size": "@batch_size",
                "seed": "@seed",
            },
            "inferer": {"_target_": "SimpleInferer"},
            "handlers": [
                {"_target_": "monai_gan.handlers.CheckpointHandler", "output_dir": "@output_dir"},
                {"_target_": "monai_gan.handlers.LossLogHandler", "output_dir": "@output_dir", "iterations": 1},
                {"_target_": "monai_gan.handlers.SampleGridHandler", "output_dir": "@output_dir", "n": 4},
            ],
            "trainer": {
                "_target_": "monai_gan.engines.GANTrainer",
                "device": "@device",
                "max_epochs": "@max_epochs",
                "train_data_loader": "@train::dataloader",
                "variant": "@variant",
                "optimizers": "@optimizers",
                "precision": "@precision",
                "seed": "@seed",
                "inferer": "@train::inferer",
                "train_handlers": "@train::handlers",
            },
        },
        "initialize": ["$monai.utils.set_determinism(@seed)"],
        "run": ["$@train::trainer.run()"],
    }


def multi_gpu_config() -> dict[str, Any]:
    """What changes when several processes train."""
    return {
        "device": "$torch.device('cuda', torch.distributed.get_rank())",
        "train::dataloader::num_workers": 0,
        "initialize": ["$torch.distributed.init_process_group('nccl')"],
        "finalize": ["$torch.distributed.destroy_process_group()"],
    }
