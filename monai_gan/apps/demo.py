"""The main job in a few minutes with what the package carries: synthesize from a bundle, train, look at the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monai_gan.apps.jobs import CancelCheck, Progress, ProgressCallback, check_cancel

if TYPE_CHECKING:
    import numpy as np

BUNDLES = ("chest_xray_dcgan", "chest_xray_wgan_gp")
#: Seconds of training; the short form only shows that everything works.
SECONDS, QUICK_SECONDS = 60, 6
#: Generator steps that are made however slow the machine is, so that the report has something to show.
FEWEST_STEPS = 20


@dataclass(frozen=True)
class DemoTraining:
    """What the training of the demo gives.

    Attributes:
        real, untrained, trained: pictures of 36 images each.
        history: pairs (iteration, sliced Wasserstein distance to images that were not trained on).
        floor: the distance of as many real training images to the same images, the best that can be expected.
        iterations: generator steps.
        seconds: of training.
    """

    real: np.ndarray
    untrained: np.ndarray
    trained: np.ndarray
    history: list[tuple[int, float]]
    floor: float
    iterations: int
    seconds: float


def demo(
    output: str | Path,
    *,
    quick: bool = False,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> Path:
    """Synthesize chest X-rays with shipped weights, train a small GAN on brain slices, and write a report.

    The folder receives ``report.html``, PNG and NIfTI images with their provenance, and the pictures of the training.

    Args:
        output: folder, made when missing.
        quick: train for seconds instead of a minute.
        progress: told of every step.
        cancel: asked between steps.

    Returns:
        The report.

    Raises:
        InputError: if the folder cannot be written.
        MissingExtraError: if the extra ``demo`` is not installed.
        Cancelled: if ``cancel`` says so.
    """
    from monai_gan.apps.demo_report import write_report
    from monai_gan.apps.synthesize import synthesize

    def tell(fraction: float, message: str) -> None:
        check_cancel(cancel)
        if progress is not None:
            progress(Progress(fraction, "demo", message))

    folder = Path(output).expanduser()
    grids: dict[str, Path] = {}
    for i, bundle in enumerate(BUNDLES):
        tell(0.1 * i, f"Synthesizing chest X-rays with {bundle}")
        grids[bundle] = synthesize(bundle, 36, folder / "chest_xray", grid=True, cancel=cancel)[-1]
    synthesize(BUNDLES[0], 4, folder / "chest_xray_nifti", format="nii.gz", cancel=cancel)
    tell(0.2, "Training a small GAN on brain slices")
    training = train_small_gan(folder / "training", QUICK_SECONDS if quick else SECONDS, cancel)
    tell(0.95, "Writing the report")
    report = write_report(folder / "report.html", grids, training)
    tell(1.0, f"Report: {report}")
    return report


def train_small_gan(folder: Path, seconds: int, cancel: CancelCheck | None = None) -> DemoTraining:
    """Train a narrow DCGAN on slices of the MNI152 template for so many seconds.

    Args:
        folder: receives the pictures and the losses.
        seconds: length of the training.
        cancel: asked after each iteration.

    Raises:
        MissingExtraError: if the extra ``demo`` is not installed.
        Cancelled: if ``cancel`` says so.
    """
    import torch
    from ignite.engine import Events

    from monai_gan.data import ImageDataset, StreamLoader, open_source
    from monai_gan.data.grid import image_grid
    from monai_gan.engines import GANTrainer
    from monai_gan.handlers import LossLogHandler, ProgressHandler, SampleGridHandler, SlicedWassersteinHandler
    from monai_gan.metrics import sliced_wasserstein
    from monai_gan.networks.nets import DCGANDiscriminator, DCGANGenerator
    from monai_gan.variants import DCGAN

    torch.manual_seed(0)
    # The slices are made once and shared by both parts.
    slices = open_source("demo:mni152", spatial_dims=2)
    images, held_out = ImageDataset(slices, "train"), ImageDataset(slices, "val").stack()
    generator = DCGANGenerator(2, image_size=64, channels=16, max_channels=128, upsample="resize")
    variant = DCGAN(generator, DCGANDiscriminator(2, image_size=64, channels=16, max_channels=128))
    optimizers = {
        name: torch.optim.Adam(network.parameters(), lr=4e-4, betas=(0.5, 0.999))
        for name, network in variant.networks.items()
    }
    distance = SlicedWassersteinHandler(held_out, iterations=20)
    trainer = GANTrainer(
        "cuda:0" if torch.cuda.is_available() else "cpu",
        max_epochs=10_000,
        train_data_loader=StreamLoader(images, batch_size=32),
        variant=variant,
        optimizers=optimizers,
        ema_decay=0.99,
        train_handlers=[
            distance,
            LossLogHandler(folder),
            SampleGridHandler(folder, n=36, interval=10),
            ProgressHandler(seconds=seconds),
        ],
    )
    latents = variant.latents(36, seed=1)
    untrained = image_grid(trainer.sample(latents))

    @trainer.on(Events.ITERATION_COMPLETED)
    def stop_in_time(_: GANTrainer) -> None:
        check_cancel(cancel)
        if trainer.seconds >= seconds and trainer.state.iteration >= FEWEST_STEPS:
            trainer.terminate(skip_completed=True)

    trainer.run()
    distance.measure(trainer)
    real = images.stack(len(held_out))
    return DemoTraining(
        real=image_grid(real[:36]),
        untrained=untrained,
        trained=image_grid(trainer.sample(latents)),
        history=distance.history,
        floor=sliced_wasserstein(real, held_out),
        iterations=trainer.state.iteration,
        seconds=trainer.seconds,
    )
