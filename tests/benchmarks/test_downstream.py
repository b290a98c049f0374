"""The generator of the downstream benchmark, and its run from the first row to the page of the docs."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from monai_gan.metrics import ClassifierTraining, Labelled, compare_arms, train_on_synthetic

ROOT = Path(__file__).parents[2]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module("benchmarks.downstream")


def blobs(n: int, seed: int) -> Labelled:
    """Smooth images of 12 px with one bright blob, high up (class 0) or low down (class 1)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 2
    rows = torch.where(labels == 0, 3.5, 7.5) + 0.5 * torch.randn(n, generator=generator)
    columns = 5.5 + 1.5 * torch.randn(n, generator=generator)
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    distance = (y - rows.view(-1, 1, 1)) ** 2 + (x - columns.view(-1, 1, 1)) ** 2
    return Labelled((2 * torch.exp(-distance / 6) - 1)[:, None], labels)


def test_samples_are_repeatable_and_of_the_class_asked_for(benchmark: ModuleType) -> None:
    generator = benchmark.OnePerClass(iterations=10, channels=4, batch_size=8)(blobs(24, 0), 0)
    labels = torch.tensor([1, 0, 1, 0, 0])
    images = generator.sample(labels, 5)
    assert images.shape == (5, 1, 12, 12)
    assert torch.equal(generator.sample(labels, 5), images)
    alone = generator.trainers[1].sample(generator.trainers[1].variant.latents(2, 5))
    torch.testing.assert_close(images[labels == 1], alone)
    assert not torch.allclose(generator.sample(labels, 5, truncation=0.5), images)
    assert generator.sample(torch.zeros(2, dtype=torch.long), 5).shape == (2, 1, 12, 12)


@pytest.mark.learning
def test_a_classifier_learns_from_generated_images_alone(benchmark: ModuleType) -> None:
    fit = benchmark.OnePerClass(iterations=300, channels=8, latent_size=8, batch_size=16)
    labels = torch.arange(2).repeat_interleave(200)
    synthetic = Labelled(fit(blobs(100, 0), 0).sample(labels, 1), labels)
    training = ClassifierTraining(steps=100, channels=(4, 8))
    scores = train_on_synthetic(synthetic, blobs(200, 1), training=training)
    assert scores.auroc > 0.9
    swapped = Labelled(synthetic.images, 1 - labels)
    assert train_on_synthetic(swapped, blobs(200, 1), training=training).auroc < 0.1, "the score can fall"


def test_the_run_goes_on_where_it_was_interrupted(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "blobs.npz"
    sets = [blobs(n, seed) for seed, n in enumerate((24, 12, 12))]
    images = torch.cat([one.images[:, 0] for one in sets]).add(1).mul(127.5).byte().numpy()
    labels = torch.cat([one.labels for one in sets]).numpy()
    np.savez(path, images=images, labels=labels, split=np.repeat([0, 1, 2], (24, 12, 12)))
    monkeypatch.setattr(benchmark, "DATA", str(path))
    monkeypatch.setattr(benchmark, "SIZES", (8, None))
    arguments: tuple[Any, ...] = (
        benchmark.OnePerClass(iterations=10, channels=4, batch_size=4),
        ClassifierTraining(steps=5, batch_size=8, channels=(2,)),
        tmp_path / "work",
    )
    rows = benchmark.measure(2, *arguments)
    assert {(row["n"], row["seed"]) for row in rows} == {(8, 0), (24, 0), (8, 1), (24, 1)}
    kept = tmp_path / "work" / "rows.jsonl"
    lines = kept.read_text().splitlines()
    assert [json.loads(line) for line in lines] == rows
    kept.write_text("\n".join(lines[: len(lines) // 2]) + "\n")
    assert benchmark.measure(2, *arguments) == rows, "what was lost is made again, and the same"


def test_the_section_of_the_docs_says_what_the_intervals_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    section = importlib.import_module("benchmarks.downstream_section")
    gains = {"real": 0.0, "real + classical": 0.1, "real + GAN": 0.05, "real + classical + GAN": 0.1, "GAN only": -0.2}
    rows = []
    for seed, base in enumerate((0.60, 0.62, 0.64)):
        # On top of classical augmentation the sign changes from one repetition to the next.
        noise = {"real + classical + GAN": (-0.03, 0.0, 0.04)[seed]}
        for arm, gain in gains.items():
            value = base + gain + noise.get(arm, 0.0)
            rows.append({"n": 25, "seed": seed, "arm": arm, "test": {"auroc": value, "balanced_accuracy": value}})
    report = {
        **{"data": "x", "images": {"train": 9, "val": 8, "test": 7}, "date": "d", "device": "c", "threads": 1},
        **{"versions": {"torch": "2"}, "generator": {"iterations": 5}, "arms": {arm: ["a", "b"] for arm in gains}},
        "rows": rows,
        "comparisons": {
            score: {opponent: compare_arms(rows, opponent, score) for opponent in ("real", "real + classical")}
            for score in ("auroc", "balanced_accuracy")
        },
    }
    text = section.downstream(json.loads(json.dumps(report)))
    assert "Means over 3 repetitions" in " ".join(text.split())
    said = {line.split(" | ")[1] for line in text.splitlines() if line.startswith("| 25 | ") and ":" in line}
    assert said == {
        "+0.050 (+0.050 to +0.050): better",
        "-0.050 (-0.050 to -0.050): worse",
        "+0.003 (-0.084 to +0.091): not told apart",
        "-0.200 (-0.200 to -0.200): worse",
    }
    assert "| 25 | 0.620 (0.570 to 0.670) |" in text
