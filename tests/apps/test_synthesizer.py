from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from monai_gan.apps.jobs import Progress
from monai_gan.apps.synthesizer import Synthesizer
from monai_gan.data import seeded_latents
from monai_gan.errors import (
    Cancelled,
    GPUMemoryError,
    HostMemoryError,
    InputError,
    InvalidResultError,
)
from monai_gan.networks.nets import WGANGenerator

Make = Callable[..., Synthesizer]


class Echo(nn.Module):
    """Shows its latent as an image, so that a test can read what the network was given."""

    latent_size = 4

    def __init__(self) -> None:
        super().__init__()
        self.labels: list[int] = []

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        if label is not None:
            self.labels += label.tolist()
        return image.reshape(len(image), 1, 2, 2) / 10


class Flawed(Echo):
    """Spoils one sample of the batch that holds it."""

    def __init__(self, spoil: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.spoil = spoil
        self.calls = 0

    def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
        images = super().forward(image)
        self.calls += 1
        if self.calls == 2:
            self.spoil(images)
        return images


def generator(spatial_dims: int) -> WGANGenerator:
    torch.manual_seed(3)
    size = 24 if spatial_dims == 2 else 12
    network = WGANGenerator(spatial_dims, latent_size=16, image_size=size, channels=8, max_channels=32)
    network(torch.randn(8, 16))  # running statistics of the norms that are not the initial ones
    return network


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_sample_depends_on_seed_and_index_only(spatial_dims: int, make_synthesizer: Make) -> None:
    model = make_synthesizer(generator(spatial_dims), spatial_dims=spatial_dims)
    all_of_them = model.sample(7, seed=7)
    assert torch.equal(all_of_them, model.sample(7, seed=7))
    for n in (1, 2, 5):
        assert torch.equal(model.sample(n, seed=7), all_of_them[:n]), n
    for batch_size in (1, 3):
        assert torch.equal(model.sample(7, seed=7, batch_size=batch_size), all_of_them), batch_size
    for start in (1, 4):
        assert torch.equal(model.sample(3, seed=7, start=start), all_of_them[start : start + 3]), start
    assert torch.equal(torch.cat(list(model.batches(7, 7))), all_of_them)
    assert not torch.equal(model.sample(1, seed=8), all_of_them[:1])


def test_values_are_image_units_of_the_metadata(make_synthesizer: Make) -> None:
    latents = seeded_latents(3, 4, 5)
    images = make_synthesizer(Echo(), intensity={"minimum": -1000, "maximum": 1000}).sample(3, seed=5)
    torch.testing.assert_close(images, (latents / 10).clamp(-1, 1).reshape(3, 1, 2, 2) * 1000)
    assert images.dtype == torch.float32


def test_values_beyond_the_range_are_clipped(make_synthesizer: Make) -> None:
    class Loud(Echo):
        def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
            return super().forward(image) * 100

    images = make_synthesizer(Loud()).sample(4)
    assert images.min() == 0
    assert images.max() == 255


def test_truncation_scales_the_latent(make_synthesizer: Make) -> None:
    model = make_synthesizer(Echo(), intensity={"minimum": -1, "maximum": 1})
    torch.testing.assert_close(model.sample(2, truncation=0.5), model.sample(2) * 0.5)
    assert torch.equal(model.latents(2, 0), seeded_latents(2, 4, 0))


def test_labels_reach_the_network_in_order(make_synthesizer: Make) -> None:
    network = Echo()
    make_synthesizer(network, labels=["a", "b", "c"]).sample(6, label=["c", "a", "b", "b", 0, 2])
    assert network.labels[:6] == [2, 0, 1, 1, 0, 2]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda x: x[1].view(-1)[0].fill_(torch.nan), "Sample 5 .*not finite", id="nan"),
        pytest.param(lambda x: x[2].view(-1)[0].fill_(torch.inf), "Sample 6 .*not finite", id="infinite"),
        pytest.param(lambda x: x[0].fill_(0.25), "Sample 4 .*the same value everywhere", id="constant"),
        pytest.param(lambda x: x[3].fill_(0).add_(7), "Sample 7 .*the same value everywhere", id="saturated"),
    ],
)
def test_useless_results_are_refused_by_number(
    spoil: Callable[[Tensor], Any], message: str, make_synthesizer: Make
) -> None:
    with pytest.raises(InvalidResultError, match=message) as caught:
        make_synthesizer(Flawed(spoil)).sample(8)
    assert caught.value.exit_code == 30


def test_a_network_of_another_dimension_is_refused(make_synthesizer: Make) -> None:
    with pytest.raises(InvalidResultError, match="3 spatial dimensions"):
        make_synthesizer(Echo(), spatial_dims=3).sample(1)


class SmallCard(Synthesizer):
    """Pretends to be a GPU with room for two images."""

    sizes: tuple[int, ...] = ()
    room = 2

    def _run(self, indices: range, *rest: Any) -> Tensor:
        self.sizes += (len(indices),)
        if len(indices) > self.room:
            raise GPUMemoryError("full")
        return Synthesizer(self.info, self.network, torch.device("cpu"))._run(indices, *rest)


@pytest.fixture
def small_card(make_synthesizer: Make) -> SmallCard:
    plain = make_synthesizer(Echo())
    card = SmallCard(plain.info, plain.network, plain.device)
    card.device = torch.device("cuda")
    return card


def test_gpu_memory_halves_the_batch_and_changes_no_sample(small_card: SmallCard, make_synthesizer: Make) -> None:
    with pytest.warns(RuntimeWarning, match="going on with batch_size="):
        images = small_card.sample(7, batch_size=8)
    assert small_card.sizes == (7, 3, 1, 1, 1, 1, 1, 1, 1)
    assert torch.equal(images, make_synthesizer(Echo()).sample(7))


def test_gpu_memory_for_less_than_one_image_is_an_error(small_card: SmallCard) -> None:
    small_card.room = 0
    with pytest.warns(RuntimeWarning, match="batch_size=1"), pytest.raises(GPUMemoryError) as caught:
        small_card.sample(2)
    assert caught.value.exit_code == 20


def test_host_memory_error_is_named(make_synthesizer: Make) -> None:
    class Huge(Echo):
        def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(HostMemoryError, match="out of memory"):
        make_synthesizer(Huge()).sample(1)


def test_other_errors_of_a_network_stay_as_they_are(make_synthesizer: Make) -> None:
    class Broken(Echo):
        def forward(self, image: Tensor, label: Tensor | None = None) -> Tensor:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        make_synthesizer(Broken()).sample(1)


def test_progress_and_cancel(make_synthesizer: Make) -> None:
    seen: list[Progress] = []
    make_synthesizer(Echo()).sample(10, progress=seen.append)
    assert [round(one.fraction, 2) for one in seen] == [0.4, 0.8, 1.0]
    with pytest.raises(Cancelled):
        make_synthesizer(Echo()).sample(10, cancel=lambda: True)


@pytest.mark.parametrize(
    "arguments", [{"n": 0}, {"seed": -1}, {"truncation": 2.0}, {"batch_size": 0}, {"label": 1}, {"start": -1}]
)
def test_arguments_are_checked_before_the_first_batch(arguments: dict[str, Any], make_synthesizer: Make) -> None:
    name = next(iter(arguments))
    with pytest.raises(InputError, match=f"{name}="):
        make_synthesizer(Echo()).batches(**{"n": 1, **arguments})


def test_metadata_without_what_is_needed(make_synthesizer: Make) -> None:
    with pytest.raises(InputError, match=r"monai_gan\.intensity"):
        make_synthesizer(Echo(), intensity=None)
    with pytest.raises(InputError, match="latent size"):
        make_synthesizer(nn.Identity())
