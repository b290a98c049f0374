"""Translations in MONAI pipelines: beside the source or in its place, at random too, with labels that stay true."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import CacheDataset, DataLoader, MetaTensor, decollate_batch, set_track_meta
from monai.transforms import Compose, DeleteItemsd, Flipd, Invertd, RandFlipd, ScaleIntensityd
from tiny_volume_bundle import build_volume_bundle, double, identity
from torch import Tensor, nn

from monai_gan.errors import InputError
from monai_gan.transforms import RandTranslate, RandTranslated, Translate, Translated

SHAPE = (1, 6, 6, 4)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """It turns the range of a volume round, onto 200..0."""
    return build_volume_bundle(tmp_path)


def inverter() -> nn.Module:
    """Maps (N, 1, *S) in 3-D to its negative."""
    layer = identity(3)[0]
    layer.weight.data.neg_()  # type: ignore[operator]
    return layer


def records(n: int = 8) -> list[dict[str, Any]]:
    """Volumes from 0 to 1, with a mask of their upper half, which a translation turns round but does not move."""
    volumes = [torch.rand(SHAPE, generator=torch.Generator().manual_seed(i)) for i in range(n)]
    for image in volumes:
        image.view(-1)[:2] = torch.tensor([0.0, 1.0])
    return [{"image": MetaTensor(image), "mask": (image > 0.5).byte()} for image in volumes]


def fits(image: Tensor, mask: Tensor, translated: bool) -> bool:
    """Whether a mask is that of an image of `records`, or of its translation, to rounding."""
    values = 1 - image if translated else image
    return bool((values[mask == 1] > 0.499).all() and (values[mask == 0] < 0.501).all())


def test_translation_replaces_its_source_or_stands_beside_it(bundle: Path) -> None:
    record = records(1)[0]
    replaced = Translated("image", bundle)(record)
    torch.testing.assert_close(replaced["image"].as_tensor(), 200 * (1 - record["image"].as_tensor()), rtol=0, atol=0.1)
    beside = Translated("image", bundle, output_keys="other")(record)
    assert beside["image"] is record["image"]
    assert torch.equal(beside["other"], replaced["image"])
    assert beside["other"].meta["synthetic"] is True
    array = Compose([Translate(bundle)])(record["image"])
    assert torch.equal(array, beside["other"])


def test_keys_of_the_dictionary_forms(bundle: Path) -> None:
    with pytest.raises(KeyError, match="other"):
        Translated(["image", "other"], bundle)(records(1)[0])
    sample = Translated(["other", "image"], bundle, output_keys=["a", "b"], allow_missing_keys=True)(records(1)[0])
    assert sample.keys() == {"image", "mask", "b"}
    twins = RandTranslated(["image", "other"], bundle, 1.0, allow_missing_keys=True)(records(1)[0])
    assert twins.keys() == {"image", "mask", "synthetic"}


def test_random_state_decides(bundle: Path) -> None:
    record = records(1)[0]

    def draw(transform: Any) -> list[bool]:
        transform.set_random_state(seed=4)
        return [bool(transform(record["image"]).meta["synthetic"]) for _ in range(40)]

    array = RandTranslate(inverter(), 0.5)
    first = draw(array)
    assert 10 < first.count(True) < 30
    assert first == draw(array) == draw(pickle.loads(pickle.dumps(array)))
    mapped = RandTranslated("image", inverter(), 0.5).set_random_state(seed=4)
    assert [mapped(record)["synthetic"] for _ in range(40)] == first
    array.set_random_state(seed=4)
    again = [array(record["image"], randomize=False).meta["synthetic"] for _ in range(3)]
    assert len(set(again)) == 1, "the last draw can be repeated"


@pytest.mark.parametrize(("prob", "count"), [(0, 0), (1, 8)], ids=["never", "always"])
def test_certain_probabilities(prob: float, count: int) -> None:
    transform = RandTranslated("image", inverter(), prob, synthetic_key="made")
    assert sum(transform(record)["made"] for record in records()) == count
    assert RandTranslated("image", inverter(), prob, synthetic_key=None)(records(1)[0]).keys() == {"image", "mask"}


def test_two_keys_are_translated_together() -> None:
    transform = RandTranslated(["a", "b"], inverter(), 0.5).set_random_state(seed=0)
    for _ in range(10):
        sample = transform({"a": torch.ones(SHAPE), "b": -torch.ones(SHAPE)})
        assert torch.equal(sample["a"], -sample["b"])


@pytest.mark.parametrize(
    "image",
    [
        pytest.param((250 * np.random.default_rng(0).random(SHAPE)).astype(np.uint8), id="numpy-8-bit"),
        pytest.param((250 * torch.rand(SHAPE)).short(), id="16-bit"),
        pytest.param(torch.rand(SHAPE, dtype=torch.float64), id="double"),
    ],
)
@pytest.mark.parametrize("transform", [Translate, RandTranslate])
def test_type_of_the_image_is_kept(image: Any, transform: Any) -> None:
    options = {"value_range": (0, 255), **({"prob": 1.0} if transform is RandTranslate else {})}
    made = transform(inverter(), **options)(image)
    assert made.dtype == torch.as_tensor(image).dtype
    torch.testing.assert_close(made.as_tensor(), 255 - torch.as_tensor(image), rtol=0, atol=1e-4)


def test_plain_tensors_where_meta_is_not_tracked() -> None:
    set_track_meta(False)
    try:
        for made in (Translate(inverter())(torch.zeros(SHAPE)), RandTranslate(inverter(), 1.0)(torch.zeros(SHAPE))):
            assert type(made) is Tensor
    finally:
        set_track_meta(True)


def test_augmentation_of_a_cached_data_set_in_two_workers(bundle: Path) -> None:
    transform = Compose(
        [
            ScaleIntensityd("image"),
            RandTranslated("image", bundle, 0.5, value_range=(0, 1)),
            RandFlipd(["image", "mask"], 0.5, spatial_axis=0),
        ]
    )
    loader = DataLoader(CacheDataset(records(), transform, progress=False), batch_size=4, num_workers=2)
    epochs = []
    for _ in range(2):
        transform.set_random_state(seed=3)
        torch.manual_seed(5)
        epochs.append(list(loader))
    for one, again in zip(*epochs, strict=True):
        assert torch.equal(one["image"], again["image"]), "the same seeds give the same batches"
    samples = [sample for batch in epochs[0] for sample in decollate_batch(batch)]
    marks = [bool(sample["synthetic"]) for sample in samples]
    assert 0 < sum(marks) < 8
    for sample, mark in zip(samples, marks, strict=True):
        assert bool(sample["image"].meta["synthetic"]) == mark
        assert fits(sample["image"], sample["mask"], mark), "the labels of voxels stay true"


def test_translations_out_of_the_cache(bundle: Path) -> None:
    transform = Compose(
        [
            Translated("image", bundle, output_keys="other", value_range=(0, 1)),
            RandTranslated("image", prob=0.5, translated_keys="other"),
            DeleteItemsd("other"),
        ]
    ).set_random_state(seed=1)
    dataset = CacheDataset(records(), transform, progress=False)
    dataset.transform.transforms[0].translate = None  # type: ignore[union-attr, attr-defined]
    marks = set()
    for _ in range(2):
        for sample in dataset:
            assert fits(sample["image"], sample["mask"], sample["synthetic"])
            assert sample["image"].meta["synthetic"] == sample["synthetic"]
            marks.add(sample["synthetic"])
    assert marks == {False, True}


def test_predictions_on_a_translation_are_led_back_to_the_source(bundle: Path) -> None:
    record = records(1)[0]
    before = Compose([Flipd("image", spatial_axis=0), Translated("image", bundle, output_keys="other")])
    sample = before(record)
    after = Invertd("pred", before, orig_keys="image")({**sample, "pred": sample["other"].clone()})
    torch.testing.assert_close(
        after["pred"].as_tensor(), 200 * (1 - record["image"].as_tensor()), rtol=0, atol=0.1, msg="flipped back"
    )
    assert len(sample["image"].applied_operations) == 1, "the source keeps its own trace"


def test_config_of_a_bundle(bundle: Path) -> None:
    config = {"_target_": "monai_gan.transforms.RandTranslated", "keys": "image", "model": str(bundle), "prob": 1.0}
    transform = ConfigParser({"augment": config}).get_parsed_content("augment")
    assert transform(records(1)[0])["synthetic"] is True


def test_what_cannot_be(bundle: Path) -> None:
    with pytest.raises(InputError, match=r"prob=1\.5 is no probability"):
        RandTranslate(bundle, 1.5)
    with pytest.raises(InputError, match="give exactly one of the two"):
        RandTranslated("image")
    with pytest.raises(InputError, match="give exactly one of the two"):
        RandTranslated("image", bundle, translated_keys="other")
    with pytest.raises(InputError, match=r"output_keys=\['a', 'b'\] has 2 names for 1 keys"):
        Translated("image", bundle, output_keys=["a", "b"])
    with pytest.raises(InputError, match="12, 12, 8.* voxels of .*6, 6, 4.*use SuperResolve"):
        Translate(double(3)[0])(torch.zeros(SHAPE))
    two = nn.Conv3d(1, 2, 1)
    assert Translate(two)(torch.zeros(SHAPE)).shape == (2, *SHAPE[1:])
    with pytest.raises(InputError, match=r"\(2, 6, 6, 4\) does not fit the real one \(1, 6, 6, 4\)"):
        RandTranslate(two, 1.0)(torch.zeros(SHAPE))
