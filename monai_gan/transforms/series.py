"""The numbered samples of a generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from monai.data.meta_tensor import MetaTensor
from torch import Tensor, nn

from monai_gan.data.geometry import default_affine, swap_plane
from monai_gan.data.latents import seeded_latents
from monai_gan.data.provenance import Provenance
from monai_gan.data.scaling import IntensityScale
from monai_gan.errors import InputError, InvalidResultError
from monai_gan.transforms.opening import Model, PerProcess, open_bundle, place, settle, usable_device

Label = int | str


class SyntheticSeries:
    """Sample ``index`` of a seed, as a ``MetaTensor`` that says it is synthetic.

    The image is the one that ``monai-gan synthesize BUNDLE --seed SEED`` writes under that number. A bundle is found
    at once but loaded with the first sample, once per process; copies in other processes (workers of a loader, forked
    or spawned) load their own. A module is copied as it is now. In a forked process only the CPU is used.

    Args:
        model: name or path of a synthesis bundle; a network ``forward(image, label=None)`` with ``latent_size`` that
            turns latents (N, Z) into images in [-1, 1]; or a mapping from class to one of these.
        seed: of the series, 0 .. 2**63 - 1.
        value_range: values that the network's -1 and 1 become; default: those of the bundle's image units, or -1 and 1
            for a network.
        transpose: swap the axes of 2-D images, for pipelines that put columns first.
        device: "cpu", "cuda", "cuda:1" or "mps".
        trust: allow a bundle whose configuration runs code from outside monai_gan, MONAI and torch.
        keep: remember the samples, for a series of which few are asked for again and again.

    Raises:
        InputError: the bundle is not found, or the network has no ``latent_size``.
    """

    def __init__(
        self,
        model: Model | Mapping[Label, Model],
        seed: int = 0,
        *,
        value_range: tuple[float, float] | None = None,
        transpose: bool = False,
        device: str = "cpu",
        trust: bool = False,
        keep: bool = False,
    ) -> None:
        self.by_class = isinstance(model, Mapping)
        self.models = {
            key: _settled(one) for key, one in (model.items() if isinstance(model, Mapping) else [(None, model)])
        }
        if not self.models:
            raise InputError("model={} names no generator: give at least one class.")
        self.seed = seed
        self.range = None if value_range is None else IntensityScale(float(value_range[0]), float(value_range[1]))
        self.transpose = transpose
        self.device = device
        self.trust = trust
        self.keep = keep
        self._process = PerProcess(_Process)

    def serves(self, label: Label | None) -> bool:
        """Whether there is a generator for this class; always, unless generators are given by class."""
        return not self.by_class or label in self.models

    def __call__(self, index: int, label: Label | None = None) -> MetaTensor:
        """Make a sample.

        Args:
            index: its number in the series, at least 0.
            label: its class, by number or name; needed with one generator per class or a conditional one.

        Returns:
            Image (C, *S), float32, on the CPU. Its ``meta`` has ``synthetic`` (True), ``provenance`` (JSON, see
            :class:`~monai_gan.data.Provenance`) and ``filename_or_obj``.

        Raises:
            InputError: the label is missing, unknown or not for this model.
            WeightsError: weights missing, altered or unsafe.
            InvalidResultError: the image is not finite or, of a bundle, constant.
        """
        if not self.serves(label):
            raise InputError(
                f"label={label!r} has no generator: model has one for {', '.join(map(repr, self.models))}."
            )
        with self._process.mine() as process:
            key = label if self.by_class else None
            if key not in process.opened:
                process.opened[key] = self._open(self.models[key])
            generator = process.opened[key]
            image = self._image(process, generator, index, label)
        return self._marked(image, generator, index, label)

    def _open(self, model: Path | nn.Module) -> _Generator:
        device = usable_device(self.device)
        return _Network(model, device) if isinstance(model, nn.Module) else _open_bundle(model, device, self.trust)

    def _image(self, process: _Process, generator: _Generator, index: int, label: Label | None) -> Tensor:
        inner = None if self.by_class else label
        if not self.keep:
            return generator.sample(1, self.seed, label=inner, start=index)[0]
        if (label, index) not in process.kept:
            first = index - index % generator.chunk
            images = generator.sample(generator.chunk, self.seed, label=inner, start=first)
            process.kept.update({(label, first + i): image for i, image in enumerate(images)})
        return process.kept[label, index].clone()

    def _marked(self, image: Tensor, generator: _Generator, index: int, label: Label | None) -> MetaTensor:
        if self.range is not None:
            image = self.range.to_image(generator.scale.to_model(image))
        values, affine = image.numpy(), default_affine(image.ndim - 1, generator.spacing)
        if self.transpose and image.ndim == 3:
            values, affine = swap_plane(values, affine)
        if isinstance(label, int) and generator.labels:
            label = generator.labels[label]
        origin = Provenance(
            generator.name, generator.version, generator.checksum, seed=self.seed, index=index, label=label
        )
        # JSON rather than a dictionary: it survives the collating of batches, and is what file headers hold.
        meta = {
            "synthetic": True,
            "provenance": origin.to_json(),
            "filename_or_obj": f"{generator.name}_s{self.seed}_{index:04d}",
        }
        return MetaTensor(torch.from_numpy(values.copy()), affine=torch.from_numpy(affine), meta=meta)


class _Generator(Protocol):
    """What a series asks of an opened bundle or network.

    Attributes:
        chunk: samples that cost as much together as one of them.
    """

    name: str
    version: str
    checksum: str
    spacing: Any
    labels: tuple[str, ...]
    scale: IntensityScale
    chunk: int

    def sample(self, n: int, seed: int, *, label: Label | None, start: int) -> Tensor: ...


@dataclass
class _Process:
    """What one process has opened and made."""

    opened: dict[Label | None, _Generator] = field(default_factory=dict)
    kept: dict[tuple[Label | None, int], Tensor] = field(default_factory=dict)


class _Bundle:
    """A bundle's ``Synthesizer``."""

    def __init__(self, synthesizer: Any, chunk: int) -> None:
        info = synthesizer.info
        self.name, self.version, self.checksum = info.name, info.version, info.weights_sha256
        self.spacing = info.extra.get("spacing_mm")
        self.labels = synthesizer.labels
        self.scale = synthesizer.scale
        self.chunk = chunk
        self.synthesizer = synthesizer

    def sample(self, n: int, seed: int, *, label: Label | None, start: int) -> Tensor:
        """As ``Synthesizer.sample``; a conditional bundle has to be told the class, which the pipeline goes on with."""
        from monai_gan.apps.arguments import check_labels

        check_labels(self.synthesizer.info, label, n)
        images: Tensor = self.synthesizer.sample(n, seed, label=label, start=start)
        return images


class _Network:
    """A network without a bundle."""

    version = "0.0.0"
    checksum = ""
    spacing = None
    labels: tuple[str, ...] = ()
    scale = IntensityScale(-1.0, 1.0)
    chunk = 1

    def __init__(self, network: nn.Module, device: str) -> None:
        self.name = type(network).__name__
        self.network = place(network, device)
        self.device = device

    @torch.inference_mode()
    def sample(self, n: int, seed: int, *, label: Label | None, start: int) -> Tensor:
        """Images (n, C, *S) of the samples ``start .. start + n - 1``, each computed alone."""
        if isinstance(label, str):
            raise InputError(f"label={label!r} is a name, but {self.name} is a network and knows numbers only.")
        classes = () if label is None else (torch.tensor([label], device=self.device),)
        images = []
        for index in range(start, start + n):
            latent = seeded_latents(1, int(self.network.latent_size), seed, index)  # type: ignore[arg-type]
            image = self.network(latent.to(self.device), *classes)[0].float().cpu()
            if not image.isfinite().all():
                raise InvalidResultError(f"Sample {index} of {self.name} is not finite: its weights are of no use.")
            images.append(image)
        return torch.stack(images)


def _open_bundle(path: Path, device: str, trust: bool) -> _Generator:
    model = open_bundle(path, "synthesis", device, trust)
    from monai_gan.apps.synthesizer import CPU_CHUNK

    return _Bundle(model, CPU_CHUNK[model.spatial_dims])


def _settled(model: Model) -> Path | nn.Module:
    if isinstance(model, nn.Module) and not isinstance(getattr(model, "latent_size", None), int):
        raise InputError(f"model={type(model).__name__} has no latent_size: give a generator, or a bundle's name.")
    return settle(model)
