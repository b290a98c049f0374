"""Perceptual distances written out in plain torch from published state dicts, for comparison in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_gan.losses.perceptual.networks import NETWORKS

State = Mapping[str, Tensor]

#: The convolutions of AlexNet and VGG16 by number, with stride and padding; None is a pool, a star a feature map.
_ALEX = [(0, 4, 2, "*"), None, (3, 1, 2, "*"), None, (6, 1, 1, "*"), (8, 1, 1, "*"), (10, 1, 1, "*")]
_VGG = [(0, 1, 1, ""), (2, 1, 1, "*"), None, (5, 1, 1, ""), (7, 1, 1, "*"), None, (10, 1, 1, ""), (12, 1, 1, "")]
_VGG += [(14, 1, 1, "*"), None, (17, 1, 1, ""), (19, 1, 1, ""), (21, 1, 1, "*"), None]
_VGG += [(24, 1, 1, ""), (26, 1, 1, ""), (28, 1, 1, "*")]


def random_state(network_type: str, seed: int = 0) -> dict[str, Tensor]:
    """A state dict in the published form with random weights, under which features neither vanish nor explode."""
    torch.manual_seed(seed)
    state = NETWORKS[network_type].build().state_dict()
    for name, value in state.items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            value.normal_(0, 0.1)
        elif value.ndim == 1 and value.dtype.is_floating_point:
            # Scales of normalisations and biases alike.
            value.uniform_(0.2, 0.6)
        elif value.ndim > 1:
            nn.init.kaiming_normal_(value)
    return {f"module.{name}": value for name, value in state.items()} if "medicalnet" in network_type else state


def random_heads(network_type: str, seed: int = 0) -> dict[str, Tensor]:
    """The learned weights of an LPIPS type, in the published form."""
    generator = torch.Generator().manual_seed(seed)
    sizes = NETWORKS[network_type].heads
    return {f"lin{i}.model.1.weight": torch.rand(1, n, 1, 1, generator=generator) for i, n in enumerate(sizes)}


def plain_loss(network_type: str, state: State, heads: State, x: Tensor, y: Tensor) -> Tensor:
    """The mean distance of images, or of volumes for MedicalNet, prepared, compared and weighted step by step."""
    state = {name.removeprefix("module."): value.double() for name, value in state.items()}
    x, y = x.double(), y.double()
    if "medicalnet" in network_type:
        maps = [torch.cat([_resnet(state, c[:, None], "medicalnet") for c in _z_score(v).unbind(1)], 1) for v in (x, y)]
        return _squares(*maps).sum(1).mean()
    maps_of = _maps(network_type, state)
    total = x.new_zeros(())
    for number, (one, other) in enumerate(zip(maps_of(x), maps_of(y), strict=True)):
        weight = heads[f"lin{number}.model.1.weight"].double() if heads else 1.0
        total = total + (_squares(one, other) * weight).sum(1).mean()
    return total


def _squares(one: Tensor, other: Tensor) -> Tensor:
    return (one / one.norm(dim=1, keepdim=True) - other / other.norm(dim=1, keepdim=True)).square()


def _z_score(volumes: Tensor) -> Tensor:
    return (volumes - volumes.mean()) / volumes.std()


def _maps(network_type: str, state: State) -> Callable[[Tensor], list[Tensor]]:
    def prepared(x: Tensor, mean: list[float], std: list[float]) -> Tensor:
        axes = (1, 3, 1, 1)
        return (x.expand(-1, 3, -1, -1) - x.new_tensor(mean).view(axes)) / x.new_tensor(std).view(axes)

    lpips = [-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]
    return {
        "alex": lambda x: _sequence(state, prepared(x, *lpips), _ALEX, 3),
        "vgg": lambda x: _sequence(state, prepared(x, *lpips), _VGG, 2),
        "squeeze": lambda x: _squeezenet(state, prepared(x, *lpips)),
        "resnet50": lambda x: [
            _resnet(state, prepared(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), "torchvision")
        ],
        "radimagenet_resnet50": lambda x: [
            _resnet(state, prepared(x.expand(-1, 3, -1, -1).flip(1), [0.406, 0.456, 0.485], [1.0] * 3), "keras")
        ],
    }[network_type]


def _sequence(state: State, x: Tensor, plan: list[tuple[int, int, int, str] | None], pool: int) -> list[Tensor]:
    maps = []
    for step in plan:
        if step is None:
            x = F.max_pool2d(x, pool, 2)
            continue
        number, stride, padding, tap = step
        weight, bias = state[f"features.{number}.weight"], state[f"features.{number}.bias"]
        x = F.conv2d(x, weight, bias, stride, padding).relu()
        maps += [x] if tap else []
    return maps


def _squeezenet(state: State, x: Tensor) -> list[Tensor]:
    def layer(name: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding).relu()

    x = layer("features.0", x, 2)
    maps = [x]
    for number in range(2, 13):
        if number in (2, 5, 8):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            continue
        name = f"features.{number}"
        x = layer(f"{name}.squeeze", x)
        x = torch.cat([layer(f"{name}.expand1x1", x), layer(f"{name}.expand3x3", x, padding=1)], 1)
        maps += [x] if number in (4, 7, 9, 10, 11, 12) else []
    return maps


def _resnet(state: State, x: Tensor, kind: str) -> Tensor:
    """Residual stages as they stand in the state dict; where stride and dilation are is the only difference."""
    conv, pool = (F.conv3d, F.max_pool3d) if kind == "medicalnet" else (F.conv2d, F.max_pool2d)
    eps = 1.001e-5 if kind == "keras" else 1e-5

    def layer(place: str, number: str, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
        name, norm = (f"{place}0", f"{place}1") if number == "" else (f"{place}conv{number}", f"{place}bn{number}")
        weight = state[f"{name}.weight"]
        padding = dilation * (weight.shape[-1] // 2)
        y = conv(x, weight, state.get(f"{name}.bias"), stride, padding, dilation)
        values = (state[f"{norm}.{one}"] for one in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(y, *values, eps=eps)

    x = pool(layer("", "1", x, 2).relu(), 3, 2, 1)
    for stage, stride, dilation in _stages(kind):
        number = 0
        while f"layer{stage}.{number}.conv1.weight" in state:
            place, own = f"layer{stage}.{number}.", stride if number == 0 else 1
            if f"{place}conv3.weight" in state:
                first, second = (own, 1) if kind == "keras" else (1, own)
                y = layer(place, "2", layer(place, "1", x, first).relu(), second, dilation).relu()
                y = layer(place, "3", y)
            else:
                y = layer(place, "2", layer(place, "1", x, own, dilation).relu(), 1, dilation)
            skip = layer(f"{place}downsample.", "", x, own) if f"{place}downsample.0.weight" in state else x
            x, number = (y + skip).relu(), number + 1
    return x


def _stages(kind: str) -> list[tuple[int, int, int]]:
    """Number, stride and dilation."""
    last = [(3, 1, 2), (4, 1, 4)] if kind == "medicalnet" else [(3, 2, 1), (4, 2, 1)]
    return [(1, 1, 1), (2, 2, 1), *last]
