"""The fused layer stands in for torch's layers: parameters, state, export, precision."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from monai_gan.networks.blocks import GroupNormAct, InstanceNormAct, norm_act_layers


@pytest.mark.parametrize(
    ("fused", "plain"),
    [
        pytest.param(GroupNormAct(2, 4, activation="relu"), nn.Sequential(nn.GroupNorm(2, 4), nn.ReLU()), id="group"),
        pytest.param(
            InstanceNormAct(4, negative_slope=0.1),
            nn.Sequential(nn.InstanceNorm2d(4), nn.LeakyReLU(0.1)),
            id="instance",
        ),
        pytest.param(
            GroupNormAct(1, 4, eps=1e-3, affine=False, activation="silu"),
            nn.Sequential(nn.GroupNorm(1, 4, eps=1e-3, affine=False), nn.SiLU()),
            id="layer",
        ),
    ],
)
def test_layer_is_the_two_layers(fused: GroupNormAct, plain: nn.Sequential) -> None:
    for parameter in plain.parameters():
        nn.init.normal_(parameter)
    fused.load_state_dict(plain[0].state_dict())
    image = torch.randn(2, 4, 5, 5)
    torch.testing.assert_close(fused(image), plain(image))


def test_starts_as_the_identity_of_gain_and_shift_and_returns_to_it() -> None:
    layer = GroupNormAct(2, 4)
    for _ in range(2):
        assert layer.weight.tolist() == [1.0] * 4
        assert layer.bias.tolist() == [0.0] * 4
        nn.init.normal_(layer.weight)
        layer.reset_parameters()
    assert InstanceNormAct(4).weight is None


def test_layer_travels() -> None:
    layer = GroupNormAct(2, 4)
    image = torch.randn(1, 4, 3, 3)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), torch.jit.script(layer)):
        torch.testing.assert_close(twin(image), layer(image))
    assert layer.double()(image.double()).dtype == torch.float64


def test_says_what_it_is() -> None:
    assert "2, 4" in repr(GroupNormAct(2, 4))
    assert "negative_slope=0.2" in repr(GroupNormAct(2, 4))
    assert "negative_slope" not in repr(GroupNormAct(2, 4, activation="silu"))


def test_wrong_channels_and_options_are_refused() -> None:
    with pytest.raises(ValueError, match="does not fit num_channels=4"):
        GroupNormAct(2, 4, affine=False)(torch.zeros(1, 6, 3, 3))
    with pytest.raises(ValueError, match="num_groups=3 does not divide 4 channels"):
        GroupNormAct(3, 4)
    with pytest.raises(ValueError, match="activation='gelu'"):
        InstanceNormAct(4, activation="gelu")


@pytest.mark.parametrize(
    ("norm", "act", "expected"),
    [
        ("instance", "relu", (GroupNormAct, nn.Identity)),
        ("layer", ("leakyrelu", {"negative_slope": 0.1}), (GroupNormAct, nn.Identity)),
        (("group", {"num_groups": 2}), "swish", (GroupNormAct, nn.Identity)),
        ("instance", "prelu", (GroupNormAct, nn.PReLU)),
        ("batch", "relu", (nn.BatchNorm2d, nn.ReLU)),
        (None, "relu", (nn.Identity, nn.ReLU)),
    ],
)
def test_specifications_are_fused_where_they_can_be(
    norm: object, act: object, expected: tuple[type[nn.Module], type[nn.Module]]
) -> None:
    layers = norm_act_layers(norm, act, 2, 4)
    assert tuple(type(layer) for layer in layers) == expected
    if isinstance(act, tuple):
        assert layers[0].negative_slope == 0.1
