"""A small classifier that tells which class synthetic images show."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets import Classifier
from torch import Tensor
from torch.nn.functional import cross_entropy


class ClassProbe:
    """A convolutional classifier of a few thousand weights, trained from scratch on labelled images.

    It answers a coarse question, "are these chest X-rays at all?", and shows which classes a model covers. It is no
    measure of quality: an image can be called a chest X-ray and still be a poor one.

    Args:
        images: (N, C, *S) in [-1, 1].
        labels: class of each image, integers from 0.
        names: name of each class.
        epochs: passes over the images.
        seed: of weights and order; the global random generator is left as it was.

    Raises:
        ValueError: if the labels do not fit the images or the names.
    """

    def __init__(self, images: Tensor, labels: Tensor, names: Sequence[str], *, epochs: int = 3, seed: int = 0) -> None:
        if len(images) != len(labels) or int(labels.max()) >= len(names):
            raise ValueError(
                f"labels: {len(labels)} of {len(images)} images, the largest {int(labels.max())}, for {len(names)} "
                "names; give one label below the number of names for each image."
            )
        self.names = list(names)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = Classifier(tuple(images.shape[1:]), len(names), (8, 16, 32), (2, 2, 2))
            optimizer = torch.optim.Adam(self.network.parameters(), lr=2e-3)
            self.network.train()
            for _ in range(epochs):
                for batch in torch.randperm(len(images)).split(64):
                    optimizer.zero_grad()
                    cross_entropy(self.network(images[batch]), labels[batch].long()).backward()
                    optimizer.step()
        self.network.eval()

    @torch.inference_mode()
    def predict(self, images: Tensor) -> Tensor:
        """The most probable class of each image (N,)."""
        return torch.cat([self.network(batch).argmax(dim=1) for batch in images.split(256)])

    def accuracy(self, images: Tensor, labels: Tensor) -> float:
        """Share of the images whose class is found, 0..1."""
        return float((self.predict(images) == labels).float().mean())

    def fractions(self, images: Tensor) -> dict[str, float]:
        """Share of the images that are called each class, by name."""
        counts = torch.bincount(self.predict(images), minlength=len(self.names))
        return {name: int(count) / len(images) for name, count in zip(self.names, counts, strict=True)}
