"""Norms and activations from MONAI's specifications."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_gan.networks.blocks import act_layer, norm_layer


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        pytest.param("batch", nn.BatchNorm3d, id="name"),
        pytest.param("INSTANCE", nn.InstanceNorm3d, id="any_case"),
        pytest.param(("group", {"num_groups": 2}), nn.GroupNorm, id="with_arguments"),
        pytest.param(["group", {"num_groups": 2}], nn.GroupNorm, id="list_as_json_gives_it"),
        pytest.param(None, nn.Identity, id="none"),
    ],
)
def test_norm(spec, kind):
    assert isinstance(norm_layer(spec, 3, 4), kind)


def test_layer_norm_takes_its_statistics_over_channels_and_space():
    layer = norm_layer("layer", 2, 6)
    for size in ((5, 7), (8, 4)):
        x = torch.randn(3, 6, *size, generator=torch.Generator().manual_seed(0)) * 3 + 1
        torch.testing.assert_close(layer(x), nn.functional.layer_norm(x, x.shape[1:]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("spec", ["bath", "group", ("layer", {"groups": 2}), ("batch",)])
def test_bad_norm_is_named(spec):
    with pytest.raises(ValueError, match="norm="):
        norm_layer(spec, 2, 4)


def test_act():
    assert isinstance(act_layer(None), nn.Identity)
    assert act_layer(("leakyrelu", {"negative_slope": 0.3})).negative_slope == 0.3
    assert act_layer(("relu", {"inplace": True}), inplace=False).inplace is False
    with pytest.raises(ValueError, match="act='rellu'"):
        act_layer("rellu")
