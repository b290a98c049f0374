"""Saving out of a pipeline: units, names, provenance, and use from a MONAI config."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser

from monai_gan.data import read_image, read_provenance
from monai_gan.errors import InputError
from monai_gan.transforms import SaveSynthetic, SaveSyntheticd


def _bundle(path: Path, intensity: dict[str, Any], **extra: Any) -> Path:
    root = path / "tiny_gan"
    (root / "configs").mkdir(parents=True)
    metadata = {
        "version": "1.2.3",
        "monai_gan": {
            "task": "synthesis",
            "intensity": intensity,
            "files": [{"path": "models/model.pt", "sha256": "cd" * 32, "bytes": 1}],
            **extra,
        },
    }
    (root / "configs" / "metadata.json").write_text(json.dumps(metadata))
    return root


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    return _bundle(tmp_path, {"minimum": 0, "maximum": 255, "units": "arbitrary"})


def test_picture_is_written_in_image_units_with_its_origin(tmp_path: Path, grey: Path) -> None:
    save = SaveSynthetic(tmp_path / "out", grey, seed=7, label="ill", truncation=0.5, date="2025-01-02T00:00:00+00:00")
    path = save(torch.tensor([[[-1.0, 0.0], [0.5, 1.0]]]), 12)
    assert path == tmp_path / "out" / "tiny_gan_s7_0012.png"
    assert read_image(path).flatten().tolist() == [0, 128, 191, 255]
    made = read_provenance(path)
    assert made is not None
    assert made == read_provenance(path.with_suffix(".json"))
    assert (made.bundle, made.version, made.checksum) == ("tiny_gan", "1.2.3", "cd" * 32)
    assert (made.seed, made.index, made.label, made.truncation) == (7, 12, "ill", 0.5)
    assert made.date == "2025-01-02T00:00:00+00:00"


@pytest.mark.parametrize(
    ("intensity", "shape", "suffix"),
    [
        ((0, 255), (1, 4, 4), ".png"),
        ((0, 4095), (1, 4, 4), ".png"),
        ((-1000, 400), (1, 4, 4), ".nii.gz"),
        ((0, 1), (1, 4, 4), ".nii.gz"),
        ((0, 10), (1, 4, 4), ".nii.gz"),
        ((0, 255), (1, 4, 4, 4), ".nii.gz"),
    ],
    ids=["8_bit", "16_bit", "hounsfield", "fractions", "few_levels", "volume"],
)
def test_default_format_holds_the_values(
    tmp_path: Path, intensity: tuple[int, int], shape: tuple[int, ...], suffix: str
) -> None:
    minimum, maximum = intensity
    root = _bundle(tmp_path, {"minimum": minimum, "maximum": maximum, "units": "u"})
    path = SaveSynthetic(tmp_path / "out", root)(torch.ones(shape), 0)
    assert path.name.endswith(suffix)
    assert float(read_image(path).max()) == maximum


def test_png_that_would_lose_the_intensities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="format='png' would lose the intensities of bundle 'tiny_gan'"):
        SaveSynthetic(tmp_path, _bundle(tmp_path, {"minimum": 0, "maximum": 1}), format="png")


def test_format_can_be_chosen(tmp_path: Path, grey: Path) -> None:
    for kind in ("nii.gz", "nrrd"):
        assert SaveSynthetic(tmp_path, grey, format=kind)(torch.zeros(1, 4, 4), 0).name.endswith(kind)


def test_voxel_size_of_the_bundle_is_written(tmp_path: Path) -> None:
    root = _bundle(tmp_path, {"minimum": 0, "maximum": 255}, spacing_mm=[1.0, 2.0, 3.0])
    image = read_image(SaveSynthetic(tmp_path, root)(torch.zeros(1, 4, 4, 4), 0))
    assert np.allclose(image.pixdim.numpy(), [1, 2, 3])


def test_dictionary_form_takes_the_number_from_the_sample(tmp_path: Path, grey: Path) -> None:
    save = SaveSyntheticd("pred", tmp_path / "out", grey, seed=1)
    sample = {"pred": torch.zeros(1, 4, 4), "index": torch.tensor(3)}
    assert save(sample)["pred"] is sample["pred"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["tiny_gan_s1_0003.json", "tiny_gan_s1_0003.png"]


def test_class_of_each_sample_is_stated_by_name(tmp_path: Path) -> None:
    root = _bundle(tmp_path, {"minimum": 0, "maximum": 255}, labels=["healthy", "ill"])
    save = SaveSyntheticd("pred", tmp_path / "out", root)
    for index, label in enumerate((1, torch.tensor(0))):
        save({"pred": torch.zeros(1, 4, 4), "index": index, "label": label})
    made = [read_provenance(path) for path in sorted((tmp_path / "out").glob("*.png"))]
    assert [one and one.label for one in made] == ["ill", "healthy"]


def test_config_and_pickle(tmp_path: Path, grey: Path) -> None:
    parser = ConfigParser(
        {
            "save": {
                "_target_": "monai_gan.transforms.SaveSyntheticd",
                "keys": "pred",
                "output_dir": str(tmp_path / "out"),
                "bundle_root": str(grey),
                "seed": 5,
            }
        }
    )
    save = pickle.loads(pickle.dumps(parser.get_parsed_content("save")))
    save({"pred": torch.zeros(1, 4, 4), "index": 0})
    assert (tmp_path / "out" / "tiny_gan_s5_0000.png").is_file()


def test_missing_number_is_named(tmp_path: Path, grey: Path) -> None:
    with pytest.raises(InputError, match="index_key='index' is not in the sample, which has: pred"):
        SaveSyntheticd("pred", tmp_path, grey)({"pred": torch.zeros(1, 4, 4)})


def test_dicom_states_units_and_voxel_size(tmp_path: Path) -> None:
    root = _bundle(tmp_path, {"minimum": -1000, "maximum": 1000, "units": "HU"}, spacing_mm=[1.0, 2.0, 3.0])
    values = torch.linspace(-1, 1, 24).reshape(1, 2, 3, 4)
    folder = SaveSynthetic(tmp_path / "out", root, format="dcm", date="2025-01-02T00:00:00+00:00")(values, 3)
    assert folder == tmp_path / "out" / "tiny_gan_s0_0003"
    image = read_image(folder)
    assert np.allclose(image.pixdim.numpy(), [1, 2, 3])
    assert torch.allclose(image.as_tensor(), 1000 * values, atol=0.02)
    made = read_provenance(folder)
    assert made is not None
    assert (made.bundle, made.index) == ("tiny_gan", 3)


def test_unknown_format_is_refused(tmp_path: Path, grey: Path) -> None:
    with pytest.raises(InputError, match="format='jpg' is not written: give one of nii.gz, nrrd, png, dcm"):
        SaveSynthetic(tmp_path, grey, format="jpg")


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"version": "1"}'], ids=["missing", "damaged", "list", "no_units"]
)
def test_broken_metadata_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "configs").mkdir()
        (tmp_path / "configs" / "metadata.json").write_text(content)
    with pytest.raises(InputError, match=r"metadata\.json"):
        SaveSynthetic(tmp_path, tmp_path)
