"""Any network can be fused in place: same values and derivatives, same state, and a true report."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from monai.networks.nets import BasicUNet, DynUNet, MultiScalePatchDiscriminator, PatchDiscriminator, SegResNet, UNet
from torch import Tensor, nn

from monai_gan.networks import fuse
from monai_gan.networks.blocks import GroupNormAct

NETWORKS = [
    pytest.param(PatchDiscriminator(2, 8, 1, 1, num_layers_d=3, norm="INSTANCE"), (2, 1, 32, 32), 3, 3, id="patch_2d"),
    pytest.param(
        PatchDiscriminator(3, 4, 1, 1, num_layers_d=2, norm=("group", {"num_groups": 2})),
        (1, 1, 16, 16, 16),
        2,
        2,
        id="patch_3d",
    ),
    pytest.param(
        MultiScalePatchDiscriminator(2, 1, 2, 4, 1, norm="INSTANCE", minimum_size_im=32),
        (1, 1, 64, 64),
        3,
        3,
        id="scales",
    ),
    pytest.param(UNet(2, 1, 1, (4, 8, 16), (2, 2), num_res_units=2), (1, 1, 16, 16), 9, 0, id="unet_with_prelu"),
    pytest.param(SegResNet(2, 8, 1, 1), (1, 1, 16, 16), 25, 24, id="segresnet_with_shared_activation"),
    pytest.param(
        DynUNet(2, 1, 1, [3, 3, 3], [1, 2, 2], [2, 2]), (1, 1, 16, 16), 10, 10, id="dynunet_with_shared_blocks"
    ),
    pytest.param(BasicUNet(2, 1, 1, (4, 4, 8, 8, 16, 4)), (1, 1, 32, 32), 18, 18, id="basic_unet"),
]


def last(output: object) -> Tensor:
    """The last tensor of whatever a network returns."""
    while isinstance(output, list | tuple):
        output = output[-1]
    assert isinstance(output, Tensor)
    return output


@pytest.mark.parametrize(("network", "shape", "swapped", "joined"), NETWORKS)
def test_networks_of_monai_keep_value_second_derivative_and_state(
    network: nn.Module, shape: tuple[int, ...], swapped: int, joined: int
) -> None:
    original = network.double()
    fused = copy.deepcopy(original)
    report = fuse(fused)
    assert len(report.swapped) == swapped
    assert sum(bool(swap.activation_from) for swap in report.swapped) == joined
    original.load_state_dict(fused.state_dict())
    image = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    results = []
    for one in (original, fused):
        output = last(one(image))
        (gradient,) = torch.autograd.grad(output.sin().sum(), image, create_graph=True)
        parameters = [parameter for parameter in one.parameters() if parameter.requires_grad]
        second = torch.autograd.grad(gradient.square().sum(), parameters, allow_unused=True)
        results.append([output, gradient, *(grad for grad in second if grad is not None)])
    for theirs, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_parameters_and_names_stay_so_that_optimizers_still_fit() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.SiLU())
    before = dict(network.named_parameters())
    fuse(network.eval())
    assert dict(network.named_parameters()) == before
    assert network[1].weight is before["1.weight"]
    assert not network[1].training


def test_report_reads_well() -> None:
    network = nn.Sequential(nn.InstanceNorm2d(8), nn.LeakyReLU(0.1), nn.BatchNorm2d(8), nn.GroupNorm(2, 8))
    report = fuse(network)
    assert str(report).splitlines() == [
        "2 normalisation(s) swapped, 1 kept",
        "  swapped '0': InstanceNorm2d + leaky_relu ('1')",
        "  swapped '3': GroupNorm",
        "  kept '2': batch normalisation couples samples",
    ]
    assert network[0].negative_slope == 0.1
    assert isinstance(network[1], nn.Identity)
    assert fuse(network).swapped == []


class Branched(nn.Module):
    """The result of the normalisation is needed beside the activation's."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        return y + self.act(y)


class ActivationUsedTwice(nn.Module):
    """One activation layer after a normalisation and elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.act(self.norm(x)) - 1)


class FunctionalActivation(nn.Module):
    """The activation is a call."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(x), 0.3)


class Unreadable(nn.Module):
    """A forward that depends on values."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        return self.act(y) if x.sum() > 0 else y


class CalledTwice(nn.Module):
    """One normalisation with and without its activation."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, 4)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.norm(x)) + self.norm(2 * x)


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (Branched(), ""),
        (ActivationUsedTwice(), "its activation 'act' is used elsewhere too"),
        (FunctionalActivation(), "is a call in forward"),
        (Unreadable(), "forward cannot be read"),
        (CalledTwice(), "calls it 2 times"),
        (nn.Sequential(nn.GroupNorm(2, 4), nn.Dropout(0.5), nn.ReLU()).eval(), "dropout ('1') stands before"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_an_activation_that_cannot_be_joined_stays(network: nn.Module, reason: str) -> None:
    image = torch.randn(2, 4, 5, 5)
    expected = network(image)
    report = fuse(network)
    assert [swap.activation for swap in report.swapped] == ["identity"]
    assert reason in "".join(report.apart.values())
    torch.testing.assert_close(network(image), expected)


@pytest.mark.parametrize(
    ("norm", "reason"),
    [
        (nn.InstanceNorm2d(4, track_running_stats=True), "running statistics"),
        (nn.LayerNorm([4, 5, 5]), "gain per pixel"),
        (nn.LazyInstanceNorm2d(affine=False, track_running_stats=False), "not known before its first call"),
    ],
    ids=["running", "per_pixel", "lazy"],
)
def test_other_normalisations_are_kept_with_a_reason(norm: nn.Module, reason: str) -> None:
    network = nn.Sequential(norm, nn.ReLU())
    report = fuse(network)
    assert reason in report.kept["0"]
    assert network[0] is norm


def test_layer_norm_without_gain_is_one_group() -> None:
    network = nn.Sequential(nn.LayerNorm([4, 5, 5], elementwise_affine=False), nn.ReLU())
    image = torch.randn(2, 4, 5, 5)
    expected = network(image)
    assert len(fuse(network).swapped) == 1
    assert isinstance(network[0], GroupNormAct)
    torch.testing.assert_close(network(image), expected)


def test_a_layer_in_two_places_is_kept() -> None:
    norm = nn.GroupNorm(2, 4)
    network = nn.Sequential(nn.Sequential(norm, nn.ReLU()), nn.Sequential(norm, nn.SiLU()))
    assert set(fuse(network).kept) == {"0.0", "1.0"}


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(TypeError, match="module is itself a GroupNorm; give the network that holds it"):
        fuse(nn.GroupNorm(2, 4))
    with pytest.raises(TypeError, match="module is a int"):
        fuse(3)
