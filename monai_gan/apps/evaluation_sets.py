"""The sets of images that an evaluation lays side by side: a model, what it is compared with, and real images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from monai_gan.apps.arguments import check_count, check_seed
from monai_gan.apps.evaluation_classes import ClassSets, even_choice, known_classes, like_reference
from monai_gan.apps.evaluation_sources import ImageForm, as_size, count_copies, part_real_images, training_images
from monai_gan.apps.jobs import CancelCheck, Reporter
from monai_gan.apps.load import check_task
from monai_gan.apps.synthesizer import Synthesizer, intensity_scale
from monai_gan.bundle import BundleInfo, find_bundle, load_network
from monai_gan.bundle.files import is_bundle, read_json
from monai_gan.bundle.network import build_network
from monai_gan.data import ImageTable, IntensityScale
from monai_gan.errors import InputError
from monai_gan.metrics import Labelled, baseline_sets

#: Rows of the table; the baselines are called as `baseline_sets` calls them.
MODEL, UNTRAINED, LINEAR = "this model", "untrained network", "PCA Gaussian"


@dataclass(frozen=True)
class SetsRequest:
    """What to compare; the arguments of :func:`monai_gan.apps.evaluate.evaluate` of the same names."""

    synthetic: str | Path
    real: str | Path | None = None
    train: str | Path | None = None
    n: int | None = None
    seed: int = 0
    image_size: int | Sequence[int] | None = None
    channels: int | None = None
    spatial_dims: int | None = None
    trust: bool = False


@dataclass(frozen=True)
class EvaluationSets:
    """Images (N, C, *S) in [-1, 1] by their part in an evaluation.

    Attributes:
        rows: the model first, then what it is measured beside.
        reference: real images that all rows are compared with and that no training has seen.
        floor: other real images that no training has seen.
        train: the images that the model was trained on, where they are known.
        scale: the image units behind [-1, 1].
        inputs: what the images are and where they come from, in plain JSON types.
        warnings: texts of the warnings on the way.
        classes: labelled images, of a conditional bundle whose classes the real images have.
    """

    rows: dict[str, Tensor]
    reference: Tensor
    floor: Tensor
    train: Tensor | None
    scale: IntensityScale
    inputs: dict[str, Any]
    warnings: list[str]
    classes: ClassSets | None = None


def gather_sets(
    request: SetsRequest, device: torch.device, reporter: Reporter, cancel: CancelCheck | None = None
) -> EvaluationSets:
    """Open the sources, sample from the model, and fit the baselines.

    Args:
        request: what to compare.
        device: where a model runs.
        reporter: told of each step; the whole is 1.
        cancel: asked between samples.

    Warns:
        UserWarning: if synthetic images are copies of real ones.

    Raises:
        InputError: a source is missing, holds too little, or does not fit the others.
        WeightsError: weights missing, altered or unsafe.
        Cancelled: the user asked to stop.
    """
    check_seed(request.seed)
    if request.n is not None:
        check_count("n", request.n)
    info = _bundle_info(request.synthetic)
    own_data = None if info is None else _training_source(info)
    source = own_data if request.real is None else request.real
    if source is None:
        raise InputError(f"There are no real images to compare '{request.synthetic}' with: give them as real.")
    form = _form(request, info)
    reporter.update(0.0, f"Reading {source}")
    table, has_train = part_real_images(source, form.spatial_dims, request.seed)
    first = form.read(table, "test")
    form = replace(form, size=first.image_size, scale=first.intensity)
    reference, floor = first.stack(), form.stack(table, "val")
    known = own_data if request.train is None and request.real is None else request.train
    train = None if known is None else training_images(form, known)
    if train is not None:
        fitted, fitted_to = train, "training images"
    elif has_train:
        fitted, fitted_to = form.stack(table, "train"), "training part of the real images"
    else:
        fitted, fitted_to = floor, "the real images of the floor"
    count = min(len(reference), len(floor)) if request.n is None else request.n
    classes = None
    if info is None:
        rows, made = _rows_of_files(form, request)
    else:
        rows, made = _rows_of_bundle(info, table, request, count, device, reporter, cancel)
        classes = _class_sets(info, form, table, request, device)
    texts = _copies(rows[MODEL], reference, floor, *([] if train is None else [train]))
    for text in texts:
        warnings.warn(text, UserWarning, stacklevel=2)
    reporter.update(0.2, "Fitting the baselines")
    rows |= baseline_sets(fitted, min(count, len(rows[MODEL])), request.seed)
    inputs = {
        "synthetic": made,
        "real": {"source": str(source), "reference": len(reference), "floor": len(floor)},
        "train": None if train is None else {"source": str(known), "images": len(train)},
        "baselines": {"fitted_to": fitted_to, "images": len(fitted)},
        "images": {
            "shape": list(reference.shape[1:]),
            "intensity": first.intensity.as_dict(),
            "model_range": [-1.0, 1.0],
            "resized": request.image_size is not None or info is not None,
        },
    }
    return EvaluationSets(rows, reference, floor, train, first.intensity, inputs, texts, classes)


def _bundle_info(synthetic: str | Path) -> BundleInfo | None:
    """The bundle that a text names, or None where it names images."""
    path = Path(synthetic).expanduser()
    if path.exists() and not (is_bundle(path) or path.suffix.lower() == ".zip"):
        return None
    try:
        info = BundleInfo.from_path(find_bundle(synthetic))
    except InputError:
        # A named data set can be meant: opening it tells what there is.
        if path.exists():
            raise
        return None
    check_task(info, ("synthesis",))
    return info


def _training_source(info: BundleInfo) -> str | None:
    """The data that a bundle's training configuration names, as a source."""
    config = info.path / "configs" / "train.json"
    source = read_json(config).get("dataset_dir") if config.is_file() else None
    return source if isinstance(source, str) and source and not source.startswith(("$", "@")) else None


def _form(request: SetsRequest, info: BundleInfo | None) -> ImageForm:
    if info is None:
        dims = request.spatial_dims or 2
        return ImageForm(dims, request.channels or 1, as_size(request.image_size, dims))
    output = info.metadata.get("network_data_format", {}).get("outputs", {}).get("pred", {})
    channels = int(output.get("num_channels", 1))
    return ImageForm(info.spatial_dims, channels, info.image_size or None, intensity_scale(info))


def _rows_of_files(form: ImageForm, request: SetsRequest) -> tuple[dict[str, Tensor], dict[str, Any]]:
    own = form if request.image_size is not None else replace(form, size=None)
    images = own.stack(request.synthetic)
    if images.shape[2:] != form.size:
        raise InputError(
            f"'{request.synthetic}' holds images of {tuple(images.shape[2:])}, the real images are {form.size}: give "
            "image_size to bring both to one size."
        )
    return {MODEL: images}, {"source": str(request.synthetic), "images": len(images)}


def _rows_of_bundle(
    info: BundleInfo,
    table: ImageTable,
    request: SetsRequest,
    count: int,
    device: torch.device,
    reporter: Reporter,
    cancel: CancelCheck | None,
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Samples of the bundle, and of its network as it was before training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(request.seed)
        untrained = build_network(info.path, trust=request.trust)
    networks = {MODEL: load_network(info.path, device=str(device), trust=request.trust), UNTRAINED: untrained}
    rows = {}
    for i, (name, network) in enumerate(networks.items()):
        model = Synthesizer(info, network, device)
        # Without labels of the real images, a conditional model gives as many of each class.
        label = like_reference(table, count, request.seed) if known_classes(table, model.labels) else None
        begin = 0.05 + 0.07 * i
        images = model.sample(
            count,
            request.seed,
            label=label,
            progress=lambda p, begin=begin, name=name: reporter.update(begin + 0.07 * p.fraction, f"Sampling {name}"),  # type: ignore[misc]
            cancel=cancel,
        )
        rows[name] = model.scale.to_model(images)
    made = {
        "bundle": info.name,
        "version": info.version,
        "weights_sha256": info.weights_sha256,
        "seed": request.seed,
        "images": count,
    }
    return rows, made


def _class_sets(
    info: BundleInfo, form: ImageForm, table: ImageTable, request: SetsRequest, device: torch.device
) -> ClassSets | None:
    """Labelled images of a conditional bundle and of its data, None where the data has other classes or none."""
    names = tuple(str(name) for name in info.extra.get("labels") or ())
    if not known_classes(table, names):
        return None
    train, test = (form.read(table, part) for part in ("train", "test"))
    real = even_choice(train.stack(), torch.as_tensor(train.labels), len(names))
    model = Synthesizer(info, load_network(info.path, device=str(device), trust=request.trust), device)
    # The samples after those of the table, which the classifier need not share.
    images = model.sample(len(real.labels), request.seed, label=real.labels.tolist(), start=len(test))
    synthetic = Labelled(model.scale.to_model(images), real.labels)
    return ClassSets(names, synthetic, real, Labelled(test.stack(), torch.as_tensor(test.labels)))


def _copies(images: Tensor, *others: Tensor) -> list[str]:
    copies = count_copies(images, *others)
    if not copies:
        return []
    return [
        f"{copies} of {len(images)} synthetic images are equal to real ones, value by value: the same images were "
        "given twice, or the model repeats them."
    ]
