"""Synthetic samples in MONAI pipelines: what replaces what, how often, reproducibly, and how batches come out."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import CacheDataset, DataLoader, MetaTensor, set_track_meta
from monai.transforms import Compose, RandFlipd, ScaleIntensityRanged
from tiny_bundle import build_tiny_bundle
from tiny_conditional import ConditionalGenerator
from torch import Tensor

from monai_gan.apps import load
from monai_gan.data import StreamLoader
from monai_gan.errors import InputError
from monai_gan.transforms import RandSynthesize, RandSynthesized, Synthesize, Synthesized

SHAPE = (1, 8, 8)


@pytest.fixture
def two(tiny: Path, tmp_path: Path) -> dict[int, str]:
    """One bundle per class."""
    build_tiny_bundle(tiny.parent, "tiny_ill", seed=1)
    return {0: "tiny_dcgan", 1: "tiny_ill"}


def records(n: int = 12) -> list[dict[str, Any]]:
    """Real samples: images of the value 1000 + number, which no synthetic one has, of two classes."""
    return [{"image": torch.full(SHAPE, 1000.0 + i), "label": i % 2} for i in range(n)]


def indices(images: Tensor, series: Tensor) -> list[int]:
    """The number of each image in a series; -1 for real ones."""
    found = [(series == image).flatten(1).all(1).nonzero().flatten().tolist() for image in images]
    return [one[0] if one else -1 for one in found]


def test_a_data_set_of_numbers_becomes_one_of_images(two: dict[int, str]) -> None:
    data = [{"image": i, "label": i % 2} for i in range(8)]
    dataset = CacheDataset(data, Compose([Synthesized("image", two, label_key="label")]), progress=False)
    batch = next(iter(DataLoader(dataset, batch_size=8, num_workers=0)))
    assert isinstance(batch["image"], MetaTensor)
    assert batch["image"].meta["synthetic"].tolist() == [True] * 8
    models = [load(name, "cpu") for name in two.values()]
    for i, image in enumerate(batch["image"].as_tensor()):
        assert torch.equal(image, models[i % 2].sample(1, start=i)[0])


def test_keys_of_the_dictionary_form(tiny: Path) -> None:
    with pytest.raises(KeyError, match="mask"):
        Synthesized(["image", "mask"], tiny)({"image": 0})
    sample = Synthesized(["image", "mask"], tiny, allow_missing_keys=True)({"image": 0, "name": "x"})
    assert sample.keys() == {"image", "name"}
    both = RandSynthesized(["a", "b"], tiny, prob=1)({"a": torch.zeros(SHAPE), "b": torch.ones(SHAPE)})
    assert isinstance(both, dict)
    assert torch.equal(both["a"], both["b"])


def test_array_form(tiny: Path) -> None:
    image = Compose([Synthesize("tiny_dcgan", seed=2)])(3)
    assert torch.equal(image.as_tensor(), load("tiny_dcgan", "cpu").sample(1, 2, start=3)[0])


def test_random_state_decides_everything(tiny: Path) -> None:
    replace = RandSynthesize(tiny, prob=0.5, pool=20)
    series = load(tiny, "cpu").sample(20)
    real = torch.full(SHAPE, 1000.0)

    def draw(transform: Any) -> list[int]:
        transform.set_random_state(seed=4)
        return indices(torch.stack([transform(real).as_tensor() for _ in range(60)]), series)

    first = draw(replace)
    assert 15 < first.count(-1) < 45
    assert len(set(first)) > 10
    assert first == draw(replace) == draw(pickle.loads(pickle.dumps(replace)))
    assert draw(Compose([replace])) == draw(Compose([replace]))


def test_array_and_dictionary_form_draw_alike(tiny: Path) -> None:
    array, mapped = RandSynthesize(tiny, 0.5), RandSynthesized("image", tiny, 0.5)
    array.set_random_state(seed=1)
    mapped.set_random_state(seed=1)
    for record in records():
        sample = mapped(record)
        assert isinstance(sample, dict)
        assert torch.equal(sample["image"], array(record["image"]))


def test_the_last_draw_can_be_repeated(tiny: Path) -> None:
    replace = RandSynthesize(tiny, 1.0).set_random_state(seed=1)
    image = replace(torch.zeros(SHAPE))
    assert torch.equal(replace(torch.zeros(SHAPE), randomize=False), image)
    assert not torch.equal(replace(torch.zeros(SHAPE)), image)


@pytest.mark.parametrize(("prob", "synthetic"), [(0, 0), (1, 12)], ids=["never", "always"])
def test_certain_probabilities(prob: float, synthetic: int, tiny: Path) -> None:
    transform = RandSynthesized("image", tiny, prob)
    assert sum(transform(record)["synthetic"] for record in records()) == synthetic  # type: ignore[call-overload]


def test_synthetic_images_have_the_class_of_the_real_ones() -> None:
    transform = RandSynthesized("image", ConditionalGenerator(), prob=1, label_key="label")
    for label in (0, 1, torch.tensor(1), np.int64(0), torch.tensor([1])):
        sample = transform({"image": torch.zeros(SHAPE), "label": label})
        assert isinstance(sample, dict)
        assert (sample["image"].mean() > 0) == bool(label)
        assert sample["label"] is label


def test_classes_without_a_generator_stay_as_they_are(tiny: Path) -> None:
    transform = RandSynthesized("image", {1: tiny}, prob=1, label_key="label")
    samples = [transform(record) for record in records()]
    assert [sample["synthetic"] for sample in samples] == [False, True] * 6  # type: ignore[call-overload]


def test_added_samples_stand_beside_the_real_ones(tiny: Path) -> None:
    transform = RandSynthesized("image", tiny, 0.5, mode="add", label_key=None).set_random_state(seed=0)
    lists = [transform(record) for record in records(40)]
    assert {len(one) for one in lists} == {1, 2}
    for record, one in zip(records(40), lists, strict=True):
        assert isinstance(one, list)
        assert torch.equal(one[0]["image"], record["image"])
        assert [sample["synthetic"] for sample in one] == [False, True][: len(one)]
        assert all(sample["label"] == record["label"] for sample in one)


def test_real_images_are_marked_as_real_and_their_own_meta_is_left_alone(tiny: Path) -> None:
    image = MetaTensor(torch.zeros(SHAPE), meta={"filename_or_obj": "a.png"})
    passed = RandSynthesize(tiny, prob=0)(image)
    assert isinstance(passed, MetaTensor)
    assert passed.meta["synthetic"] is False
    assert passed.meta["filename_or_obj"] == "a.png"
    assert "synthetic" not in image.meta
    loaded = MetaTensor(torch.zeros(SHAPE), meta={"synthetic": True})
    assert RandSynthesize(tiny, prob=0)(loaded).meta["synthetic"] is True  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros(SHAPE, np.uint8), id="numpy-8-bit"),
        pytest.param(torch.zeros(SHAPE, dtype=torch.int16), id="16-bit"),
        pytest.param(torch.zeros(SHAPE, dtype=torch.float64), id="double"),
    ],
)
def test_type_of_the_real_image_is_kept(image: Any, tiny: Path) -> None:
    made = RandSynthesize(tiny, prob=1).set_random_state(seed=0)(image)
    assert made.dtype == torch.as_tensor(image).dtype
    exact = RandSynthesize(tiny, prob=1).set_random_state(seed=0)(torch.zeros(SHAPE))
    assert (made.double() - exact.double()).abs().max() <= 0.5


def test_plain_tensors_where_meta_is_not_tracked(tiny: Path) -> None:
    set_track_meta(False)
    try:
        for prob in (0, 1):
            assert type(RandSynthesize(tiny, prob)(torch.zeros(SHAPE))) is Tensor
    finally:
        set_track_meta(True)


def test_augmentation_of_a_cached_data_set_in_two_workers(two: dict[int, str]) -> None:
    transform = Compose(
        [
            ScaleIntensityRanged("image", 0, 2000, 0, 1),
            RandSynthesized("image", two, 0.5, label_key="label", value_range=(0, 1)),
            RandFlipd("image", 0.5, spatial_axis=1),
        ]
    )
    dataset = CacheDataset(records(24), transform, progress=False)
    loader = DataLoader(dataset, batch_size=6, num_workers=2)
    epochs = []
    for _ in range(2):
        transform.set_random_state(seed=3)
        torch.manual_seed(5)
        epochs.append(list(loader))
    for one, again in zip(*epochs, strict=True):
        assert torch.equal(one["image"], again["image"]), "the same seeds give the same batches"
    batches = epochs[0]
    marks = torch.cat([batch["synthetic"] for batch in batches])
    assert 4 < marks.sum() < 20
    images = torch.cat([batch["image"].as_tensor() for batch in batches])
    labels = torch.cat([batch["label"] for batch in batches])
    assert torch.cat([batch["image"].meta["synthetic"] for batch in batches]).equal(marks)
    reals = torch.tensor([(1000.0 + i) / 2000 for i in range(24)])
    assert torch.allclose(images[~marks].amin((1, 2, 3)), reals[~marks])
    assert images.min() >= 0
    assert images.max() <= 1
    assert labels.tolist() == [0, 1] * 12


def test_added_samples_in_two_workers(two: dict[int, str]) -> None:
    transform = Compose([RandSynthesized("image", two, 0.5, mode="add", label_key="label", pool=8)])
    dataset = CacheDataset(records(16), transform, progress=False)
    torch.manual_seed(0)
    batches = list(DataLoader(dataset, batch_size=8, num_workers=2))
    marks = torch.cat([batch["synthetic"] for batch in batches])
    assert (~marks).sum() == 16
    assert 2 <= marks.sum() <= 14
    images = torch.cat([batch["image"].as_tensor() for batch in batches])
    labels = torch.cat([batch["label"] for batch in batches])
    for label, name in two.items():
        chosen = images[marks & (labels == label)]
        assert -1 not in indices(chosen, load(name, "cpu").sample(8)), "of the pool of its class"


def test_the_stream_is_the_same_with_and_without_workers(tiny: Path) -> None:
    def batches(workers: int) -> list[Tensor]:
        dataset = CacheDataset(records(8), Compose([RandSynthesized("image", tiny, 0.5)]), progress=False)
        loader = StreamLoader(dataset, 4, seed=1, num_workers=workers)
        found = [next(loader.stream())["image"].as_tensor() for _ in range(4)]
        loader.close()
        return found

    for alone, helped in zip(batches(0), batches(2), strict=True):
        assert torch.equal(alone, helped)


def test_config_of_a_bundle(tiny: Path) -> None:
    config = {
        "_target_": "monai_gan.transforms.RandSynthesized",
        "keys": "image",
        "model": "tiny_dcgan",
        "prob": 1.0,
        "value_range": [-1, 1],
    }
    transform = ConfigParser({"augment": config}).get_parsed_content("augment")
    sample = transform({"image": torch.zeros(SHAPE)})
    assert sample["image"].abs().max() <= 1
    assert json.loads(sample["image"].meta["provenance"])["bundle"] == "tiny_dcgan"


def test_what_cannot_be(tiny: Path) -> None:
    with pytest.raises(InputError, match=r"prob=1\.5 is no probability"):
        RandSynthesize(tiny, 1.5)
    with pytest.raises(InputError, match="pool=0 is not possible"):
        RandSynthesize(tiny, pool=0)
    with pytest.raises(InputError, match="mode='mix' is unknown"):
        RandSynthesized("image", tiny, mode="mix")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="index=-1 is no number"):
        Synthesize(tiny)(-1)
    with pytest.raises(InputError, match=r"label=0\.5 is no class"):
        RandSynthesize(ConditionalGenerator(), 1)(torch.zeros(SHAPE), 0.5)
    with pytest.raises(InputError, match="label_key='class' is not in the sample, which has: image, label"):
        RandSynthesized("image", tiny, label_key="class")(records()[0])
    with pytest.raises(InputError, match=r"\(1, 8, 8\) does not fit the real one \(3, 8, 8\)"):
        RandSynthesize(tiny, 1)(torch.zeros(3, 8, 8))
