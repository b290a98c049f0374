"""The benchmark of augmentation across modality, from files to the page of the docs."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import nibabel
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from tiny_volume_bundle import build_volume_bundle

ROOT = Path(__file__).parents[2]
SIZE = (16, 16, 6)


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.cross_modality")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two training sessions, one of them without T2, one without T1, and one of a test subject."""
    rows = [("a", "train", 1, 1), ("b", "train", 1, 0), ("c", "train", 0, 1), ("d", "test", 1, 1)]
    lines = ["subject\tsession\tsplit\thas_T1\thas_T2"]
    lines += [f"{subject}\tses-1\t{split}\t{t1}\t{t2}" for subject, split, t1, t2 in rows]
    (tmp_path / "sessions.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    random = np.random.default_rng(0)
    for subject, _, *_ in rows:
        folder = tmp_path / subject / "ses-1"
        folder.mkdir(parents=True)
        t1 = np.zeros(SIZE, np.float32)
        t1[2:14, 2:14] = random.choice([30.0, 100.0, 180.0], (12, 12, 6)) + random.normal(0, 3, (12, 12, 6))
        for name, values in (("T1", t1), ("T2", np.where(t1 > 0, 220 - t1, 0)), ("brainmask", t1 > 0)):
            image = nibabel.Nifti1Image(values.astype(np.float32), np.diag([1.5, 1.5, 1.5, 1]))
            nibabel.save(image, folder / f"{name}.nii.gz")
    return tmp_path


def test_label_is_the_brightest_tissue(benchmark: ModuleType) -> None:
    image = torch.tensor([0.0, 900.0, 31.0, 29.0, 99.0, 101.0, 181.0, 179.0, 180.0]).reshape(1, 3, 3, 1)
    brain = torch.ones_like(image)
    brain[0, 0, :2] = 0
    sample = benchmark.white_matter({"T1": MetaTensor(image), "brain": MetaTensor(brain)})
    assert sample["label"].flatten().tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1]


def test_run_from_files_to_rows(benchmark: ModuleType, root: Path, tmp_path: Path) -> None:
    assert [one.keys() for one in benchmark.sessions(root, "train")] == [{"T1", "T2", "brain"}, {"T1", "brain"}]
    bundle = build_volume_bundle(tmp_path / "bundles")
    training = benchmark.Training(steps=2, batch_size=2, channels=(4, 8))
    work = tmp_path / "work"
    rows = benchmark.measure(root, bundle, training, 1, work)
    assert [row["arm"] for row in rows] == [
        *("T1", "T1 + intensity augmentation", "T1 + RandTranslated", "real T2"),
    ]
    assert all(0 <= value <= 1 for row in rows for value in row["dice"].values())
    kept = work / "rows.jsonl"
    kept.write_text("".join(kept.read_text().splitlines(keepends=True)[:3]))
    assert benchmark.measure(root, bundle, training, 1, work) == rows, "what was lost is made again, and the same"


def test_section_gives_mean_and_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    section = importlib.import_module("benchmarks.cross_modality_section")
    report = {
        **{"data": "x", "volumes": {"train": 7, "test": 1}, "bundle": {"name": "b", "version": "1"}},
        **{"date": "d", "device": "c", "threads": 1, "versions": {"torch": "2"}, "training": {"steps": 5}},
        "rows": [
            {"seed": seed, "arm": arm, "dice": {"T1": gain + 0.1 * seed, "T2": 0.5}}
            for seed in (0, 1)
            for arm, gain in (("T1", 0.1), ("T1 + RandTranslated", 0.8))
        ],
    }
    text = section.cross_modality(report)
    assert "| T1 | 0.150 (0.100 to 0.200) | 0.500 (0.500 to 0.500) |" in text
    assert "| T1 + RandTranslated | 0.850 (0.800 to 0.900) | 0.500 (0.500 to 0.500) |" in text
    assert "mean and range over 2 seeds" in " ".join(text.split())
