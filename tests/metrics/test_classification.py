"""Scores against numbers worked out by hand, and a classifier that is the same for the same seed."""

from __future__ import annotations

import pytest
import torch

from monai_gan.errors import InputError
from monai_gan.metrics import ClassifierTraining, Labelled, classification_scores


def test_scores_by_hand() -> None:
    # Classes 0, 0, 0, 0, 1, 1; called 0, 0, 0, 1, 1, 0: recalls 3/4 and 1/2. Of the 8 pairs of a zero and a one, the
    # one has the higher score in 4 + 2.
    score = torch.tensor([-3.0, -2.0, -1.0, 2.0, 3.0, -1.5])
    labels = torch.tensor([0, 0, 0, 0, 1, 1])
    found = classification_scores(torch.stack([-score, score], 1), labels)
    assert found.balanced_accuracy == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found.auroc == pytest.approx((4 + 2) / 8)


def test_three_classes() -> None:
    labels = torch.tensor([0, 1, 2, 2])
    perfect = classification_scores(torch.eye(3)[labels] * 9, labels)
    assert perfect == (1, 1)
    blind = classification_scores(torch.eye(3)[torch.zeros(4, dtype=torch.long)], labels)
    assert blind.balanced_accuracy == pytest.approx(1 / 3)
    assert blind.auroc == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        pytest.param(torch.zeros(2, 2), torch.tensor([1, 1]), id="absent-class"),
        pytest.param(torch.zeros(2, 1), torch.tensor([0, 0]), id="one-class"),
        pytest.param(torch.zeros(2, 2), torch.tensor([0, 2]), id="unknown-class"),
    ],
)
def test_labels_that_cannot_be_scored(logits: torch.Tensor, labels: torch.Tensor) -> None:
    with pytest.raises(InputError, match="each of two or more must occur"):
        classification_scores(logits, labels)


def test_training_depends_on_its_seed_alone() -> None:
    training = ClassifierTraining(steps=3, batch_size=4, channels=(2, 4))

    def weights(seed: int) -> torch.Tensor:
        def batches(generator: torch.Generator) -> Labelled:
            return Labelled(torch.rand(4, 1, 8, 8, generator=generator), torch.tensor([0, 1, 0, 1]))

        network = training.fit(batches, (1, 8, 8), 2, decay=0.01, seed=seed)
        assert not network.training
        return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])

    first = weights(1)
    torch.rand(5)
    before = torch.get_rng_state()
    assert torch.equal(weights(1), first)
    assert torch.equal(torch.get_rng_state(), before), "the global generator is left as it was"
    assert not torch.equal(weights(2), first)
