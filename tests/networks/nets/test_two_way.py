from __future__ import annotations

import pytest
import torch

from monai_gan.networks.nets import ResNetGenerator, TwoWayGenerator


def networks() -> tuple[ResNetGenerator, ResNetGenerator]:
    torch.manual_seed(0)
    there, back = (ResNetGenerator(2, channels=2, num_halvings=1, num_blocks=1).eval() for _ in range(2))
    return there, back


def test_the_label_tells_the_direction() -> None:
    there, back = networks()
    both = TwoWayGenerator(there, back)
    image = torch.randn(3, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(both(image), there(image))
        assert torch.equal(both(image, torch.zeros(3)), there(image))
        assert torch.equal(both(image, torch.ones(3)), back(image))
        mixed = both(image, torch.tensor([1, 0, 1]))
    torch.testing.assert_close(mixed[1], there(image)[1])
    torch.testing.assert_close(mixed[[0, 2]], back(image)[[0, 2]])
    with pytest.raises(ValueError, match="0 .there. or 1 .back."):
        both(image, torch.tensor([0, 1, 2]))


def test_it_becomes_torchscript() -> None:
    both = TwoWayGenerator(*networks()).eval()
    image = torch.randn(2, 1, 8, 8)
    scripted = torch.jit.script(both)
    with torch.no_grad():
        for label in (None, torch.tensor([0, 1])):
            torch.testing.assert_close(scripted(image, label), both(image, label))
