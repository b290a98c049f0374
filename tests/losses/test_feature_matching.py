"""Patch discriminators of MONAI are read in one form, and their features matched."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets.patchgan_discriminator import MultiScalePatchDiscriminator, PatchDiscriminator
from torch import nn

from monai_gan.losses import WeightedLosses, feature_matching_loss, judgement


def test_all_forms_of_output_are_read():
    torch.manual_seed(0)
    image = torch.randn(2, 1, 64, 64)
    single = PatchDiscriminator(2, 4, 1, num_layers_d=2, norm="instance")
    several = MultiScalePatchDiscriminator(2, 1, 2, 4, 1, norm="instance", minimum_size_im=64)
    assert torch.equal(judgement(single(image)).logits[0], single(image)[-1])
    assert len(judgement(single(image)).features[0]) == 3
    read = judgement(several(image))
    assert [logits.shape for logits in read.logits] == [logits.shape for logits in several(image)[0]]
    assert [len(features) for features in read.features] == [2, 3]
    plain = judgement(torch.zeros(2, 1))
    assert plain.features == [[]]
    with pytest.raises(TypeError, match="returned a dict that is neither logits"):
        judgement({})


def test_features_are_matched_towards_the_real_ones_only():
    torch.manual_seed(0)
    network = PatchDiscriminator(2, 4, 1, num_layers_d=2, norm="instance")
    fake, real = torch.randn(2, 1, 32, 32, requires_grad=True), torch.randn(2, 1, 32, 32, requires_grad=True)
    judged, other = judgement(network(fake)), judgement(network(real))
    expected = torch.stack([(a - b).abs().mean() for a, b in zip(judged.features[0], other.features[0], strict=True)])
    loss = feature_matching_loss(judged, other)
    torch.testing.assert_close(loss, expected.mean())
    loss.backward()
    assert fake.grad is not None
    assert real.grad is None
    assert feature_matching_loss(other, other) == 0
    with pytest.raises(ValueError, match="shows no features to match"):
        feature_matching_loss(judgement(torch.zeros(1)), judgement(torch.zeros(1)))


def test_weighted_losses_multiply_and_name():
    losses = WeightedLosses({"l1": nn.L1Loss(), "l2": nn.MSELoss()}, {"l1": 3.0, "l2": 0.5})
    image, target = torch.full((1, 1, 2, 2), 2.0, dtype=torch.bfloat16), torch.zeros(1, 1, 2, 2)
    values = losses(image, target)
    assert {name: float(value) for name, value in values.items()} == {"l1": 6.0, "l2": 2.0}
    assert values["l1"].dtype == torch.float32
    with pytest.raises(ValueError, match=r"losses=\['l1'\] and weights=\['l2'\] must have the same names"):
        WeightedLosses({"l1": nn.L1Loss()}, {"l2": 1.0})
