"""The networks that a perceptual loss can look through, how images reach them, and where their weights are."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from monai_gan.networks.published import numbered_resnet, without_wrapper

Triple = tuple[float, float, float]

_TORCH = "https://download.pytorch.org/models/"
_MONAI = "https://huggingface.co/MONAI/checkpoints/resolve/main/"
_LPIPS = "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/"


@dataclass(frozen=True)
class PerceptualNetwork:
    """A network with everything that belongs to it.

    Attributes:
        build: makes it, with random weights.
        mean, std: image values are reduced by ``mean`` and divided by ``std``, per channel of the file's order.
        address: where its weights are published; the last part is the file's name. Empty when a package brings them.
        cached: folder of that file below torch's hub folder.
        rename: from the names in the file to those of the network.
        reverse: whether the file wants blue first.
        heads: channels of each learned weighting of features (LPIPS); empty if features count equally.
        head_address: where those are published.
        spatial_dims: 2, or 3 for networks of volumes, which standardise a batch as a whole.
        layers: over how many layers distances are averaged; 1 sums them.
    """

    build: Callable[[], nn.Module]
    mean: Triple = (0.0, 0.0, 0.0)
    std: Triple = (1.0, 1.0, 1.0)
    address: str = ""
    cached: str = "checkpoints"
    rename: Callable[[str], str] = str
    reverse: bool = False
    heads: tuple[int, ...] = ()
    head_address: str = ""
    spatial_dims: int = 2
    layers: int = 1

    @property
    def file(self) -> str:
        """Name of the published file."""
        return self.address.rpartition("/")[2]


def _lpips(name: str, file: str, heads: tuple[int, ...]) -> PerceptualNetwork:
    def build() -> nn.Module:
        from monai_gan.networks.backbones import sequence

        return {"alex": sequence.alexnet, "vgg": sequence.vgg16, "squeeze": sequence.squeezenet}[name]()

    # ImageNet's statistics as they are for values in [-1, 1].
    return PerceptualNetwork(
        build,
        mean=(-0.030, -0.088, -0.188),
        std=(0.458, 0.448, 0.450),
        address=_TORCH + file,
        rename=_of_lpips,
        heads=heads,
        head_address=f"{_LPIPS}{name}.pth",
    )


def _of_lpips(name: str) -> str:
    """``net.slice2.5.weight`` of the whole LPIPS module is ``features.5.weight``."""
    return re.sub(r"^net\.slice\d+\.", "features.", name)


def _resnet(depth: int, kind: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        # MONAI's networks take seconds to import.
        from monai_gan.networks.backbones.resnet import LastFeatures

        return LastFeatures(depth, kind)  # type: ignore[arg-type]

    return build


def _medicalnet(depth: int, file: str) -> PerceptualNetwork:
    return PerceptualNetwork(
        _resnet(depth, "medicalnet"),
        address=_MONAI + file,
        cached="monai_checkpoints",
        rename=without_wrapper,
        spatial_dims=3,
    )


#: Stages of EfficientNet-Lite1 that are compared.
LITE_STAGES = (0, 4, 5, 6)


def _efficientnet() -> nn.Module:
    from monai_gan.networks.backbones.efficientnet_lite import StageFeatures

    return StageFeatures(1, LITE_STAGES)


#: By the value of ``network_type``; all but the last are MONAI's names.
NETWORKS = {
    "alex": _lpips("alex", "alexnet-owt-7be5be79.pth", (64, 192, 384, 256, 256)),
    "vgg": _lpips("vgg", "vgg16-397923af.pth", (64, 128, 256, 512, 512)),
    "squeeze": _lpips("squeeze", "squeezenet1_1-b8a52dc0.pth", (64, 128, 256, 384, 384, 512, 512)),
    "radimagenet_resnet50": PerceptualNetwork(
        _resnet(50, "keras"),
        mean=(0.406, 0.456, 0.485),
        address=_MONAI + "RadImageNet-ResNet50_notop.pth",
        cached="monai_checkpoints",
        rename=lambda name: numbered_resnet(without_wrapper(name)),
        reverse=True,
    ),
    "medicalnet_resnet10_23datasets": _medicalnet(10, "medicalnet_resnet_10_23dataset.pth"),
    "medicalnet_resnet50_23datasets": _medicalnet(50, "medicalnet_resnet50_23datasets.pth"),
    "resnet50": PerceptualNetwork(
        _resnet(50, "torchvision"),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        address=_TORCH + "resnet50-11ad3fa6.pth",
        rename=without_wrapper,
    ),
    # Of values 0..255 it wants 127 less, over 128; ours are in [-1, 1].
    "efficientnet_lite1": PerceptualNetwork(
        _efficientnet, mean=(-0.5 / 127.5,) * 3, std=(128 / 127.5,) * 3, layers=len(LITE_STAGES)
    ),
}
