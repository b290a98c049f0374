"""The samples behind the transforms: the images that every other door gives, loaded lazily, once per process, on the
CPU where the process is forked."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset
from PIL import Image
from tiny_bundle import GENERATOR
from tiny_conditional import ConditionalGenerator, build_conditional_bundle
from worker_loads import check_loads, count_loads, forbid_cuda

from monai_gan.apps import load, synthesize
from monai_gan.bundle import BundleInfo
from monai_gan.data import Provenance, seeded_latents
from monai_gan.errors import InputError, InvalidResultError
from monai_gan.networks.nets import DCGANGenerator
from monai_gan.transforms import Synthesize
from monai_gan.transforms.series import SyntheticSeries


def network() -> DCGANGenerator:
    torch.manual_seed(0)
    return DCGANGenerator(**GENERATOR)


def test_image_is_the_one_that_every_other_door_gives(tiny: Path, tmp_path: Path) -> None:
    files = synthesize("tiny_dcgan", 6, tmp_path / "out", seed=3, device="cpu")
    image = SyntheticSeries("tiny_dcgan", seed=3)(5)
    assert torch.equal(image.as_tensor(), load("tiny_dcgan", "cpu").sample(1, 3, start=5)[0])
    np.testing.assert_array_equal(image[0].round().numpy(), np.asarray(Image.open(files[5])))


def test_image_says_that_it_is_synthetic_and_where_from(tiny: Path) -> None:
    meta = SyntheticSeries(tiny, seed=3)(5).meta
    origin = Provenance.from_dict(json.loads(meta["provenance"]))
    assert meta["synthetic"] is True
    assert meta["filename_or_obj"] == "tiny_dcgan_s3_0005"
    assert (origin.bundle, origin.version, origin.seed, origin.index) == ("tiny_dcgan", "0.1.0", 3, 5)
    assert origin.checksum == BundleInfo.from_path(tiny).weights_sha256


def test_network_in_place_of_a_bundle() -> None:
    generator = network().eval()
    series = SyntheticSeries(generator, seed=1)
    image = series(2)
    expected = generator(seeded_latents(1, 4, 1, start=2))[0].detach()
    assert torch.equal(image.as_tensor(), expected)
    assert json.loads(image.meta["provenance"])["bundle"] == "DCGANGenerator"
    for parameter in generator.parameters():
        parameter.data.zero_()
    assert torch.equal(series(2), image), "the series has a copy of its own"


@pytest.mark.parametrize("label", [1, "ill"], ids=["number", "name"])
def test_conditional_bundle(label: int | str, tmp_path: Path) -> None:
    bundle = build_conditional_bundle(tmp_path)
    series = SyntheticSeries(bundle, trust=True)
    ill, healthy = series(0, label), series(0, 0)
    assert ill.mean() > 127.5 > healthy.mean()
    assert json.loads(ill.meta["provenance"])["label"] == "ill"
    with pytest.raises(InputError, match="needs a label"):
        series(0)


def test_conditional_network() -> None:
    series = SyntheticSeries(ConditionalGenerator())
    assert series(0, 1).mean() > 0 > series(0, 0).mean()
    with pytest.raises(InputError, match="knows numbers only"):
        series(0, "ill")


def test_one_generator_per_class(tiny: Path) -> None:
    series = SyntheticSeries({0: tiny, "ill": network()})
    assert series(0, 0).max() > 1 >= series(0, "ill").max()
    assert [series.serves(label) for label in (0, "ill", 1)] == [True, True, False]
    assert json.loads(series(0, "ill").meta["provenance"])["label"] == "ill"
    with pytest.raises(InputError, match="label=1 has no generator: model has one for 0, 'ill'"):
        series(0, 1)


def test_values_come_in_the_range_of_the_pipeline(tiny: Path) -> None:
    units, scaled = SyntheticSeries(tiny)(0), SyntheticSeries(tiny, value_range=(0, 1))(0)
    torch.testing.assert_close(scaled.as_tensor(), units.as_tensor() / 255)


def test_columns_first(tiny: Path) -> None:
    rows, columns = SyntheticSeries(tiny)(0), SyntheticSeries(tiny, transpose=True)(0)
    assert torch.equal(columns.as_tensor(), rows.as_tensor().transpose(1, 2))
    corner = torch.tensor([2.0, 1, 0, 1], dtype=torch.float64)
    assert torch.equal(columns.affine @ corner, rows.affine @ corner[[1, 0, 2, 3]])


def test_kept_samples_are_the_same_and_belong_to_the_caller(tiny: Path) -> None:
    kept, fresh = SyntheticSeries(tiny, keep=True), SyntheticSeries(tiny)
    for index in (5, 6, 5):
        image = kept(index)
        assert torch.equal(image, fresh(index))
        image.zero_()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_workers_load_once_each_and_leave_the_gpu_alone(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "loads.txt"
    count_loads(monkeypatch, log)
    transform = Synthesize(tiny, device="cuda")
    assert not log.exists(), "loaded before anybody asked"
    loader = DataLoader(
        Dataset(range(12), transform),
        batch_size=2,
        num_workers=2,
        persistent_workers=True,
        multiprocessing_context="fork",
        worker_init_fn=forbid_cuda,
    )
    epochs = [torch.cat([batch.as_tensor() for batch in loader]) for _ in range(2)]
    check_loads(log, workers=2)
    assert torch.equal(epochs[0], epochs[1])
    assert torch.equal(epochs[0], load(tiny, "cpu").sample(12))


def test_pickling_leaves_out_what_was_opened(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count_loads(monkeypatch, tmp_path / "loads.txt")
    series = SyntheticSeries(tiny)
    small, image = len(pickle.dumps(series)), series(0)
    copy = pickle.loads(pickle.dumps(series))
    assert len(pickle.dumps(series)) == small < 2000
    assert torch.equal(copy(0), image)
    assert len((tmp_path / "loads.txt").read_text().splitlines()) == 2
    of_network = SyntheticSeries(network())
    assert torch.equal(pickle.loads(pickle.dumps(of_network))(0), of_network(0))


def test_the_room_imports_nothing_of_the_apps_until_a_sample_is_asked_for(tiny: Path) -> None:
    code = f"""
import sys
from monai_gan.transforms import Synthesize
synthesize = Synthesize({str(tiny)!r})
assert "monai_gan.apps" not in sys.modules
synthesize(0)
assert "monai_gan.apps" in sys.modules
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr


def test_what_cannot_be(tiny: Path) -> None:
    with pytest.raises(InputError, match="No bundle is named 'tiny_dcgam'.*did you mean 'tiny_dcgan'"):
        SyntheticSeries("tiny_dcgam")
    with pytest.raises(InputError, match="model=Linear has no latent_size"):
        SyntheticSeries(torch.nn.Linear(1, 1))
    with pytest.raises(InputError, match="names no generator"):
        SyntheticSeries({})
    with pytest.raises(InputError, match="label=1 is not possible: bundle 'tiny_dcgan' takes none"):
        SyntheticSeries(tiny)(0, 1)
    broken = network()
    broken.to_image[0].bias.data.fill_(float("nan"))  # type: ignore[union-attr, operator]
    with pytest.raises(InvalidResultError, match="Sample 4 of DCGANGenerator is not finite"):
        SyntheticSeries(broken)(4)
