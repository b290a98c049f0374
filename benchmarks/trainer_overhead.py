"""What the trainer costs beside a bare plain-torch loop on the step of the chest X-ray bundles.

    python -m benchmarks.trainer_overhead [--precision bf16] [--blocks 21] [--threads 1]

The result goes to ``benchmarks/results/trainer_overhead.json``; ``python -m benchmarks.report`` puts it into the docs.

Both loops train the bundle's networks with the bundle's batch size and optimizers on 64 px images in memory. The bare
loop is what one would write by hand: no averaged weights, no guard, no events, tensors indexed directly. Blocks of both
alternate, so that a busy machine disturbs both alike; the figure is the median of the blocks' time ratios.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.opponents import textbook_penalty
from benchmarks.results import environment, save
from monai_gan.bundle import find_bundle, load_config
from monai_gan.data import ImageDataset, StreamLoader
from monai_gan.data.table import ImageTable
from monai_gan.engines import GANTrainer

STEPS_PER_BLOCK = 4


def networks(bundle: str) -> tuple[dict[str, nn.Module], dict[str, torch.optim.Optimizer], Any]:
    """Fresh networks, optimizers and variant from the bundle's training configuration."""
    torch.manual_seed(0)
    config = load_config(find_bundle(bundle), "train", {"max_epochs": 1, "device": "cpu"})
    variant = config.get_parsed_content("variant")
    return dict(variant.networks), config.get_parsed_content("optimizers"), variant


def bare_loop(bundle: str, images: Tensor, batch_size: int, dtype: torch.dtype, device: str) -> Callable[[int], None]:
    """The step written by hand."""
    nets, optimizers, variant = networks(bundle)
    variant.to(device)
    generator, critic = nets["generator"], nets["discriminator"]
    order = torch.randperm(len(images)).split(batch_size)
    images, latent_size, wasserstein = images.to(device), generator.latent_size, "wgan" in bundle
    interval = variant.penalty.interval if wasserstein else 1

    def step(real: Tensor, penalized: bool) -> None:
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            with torch.no_grad():
                fake = generator(torch.randn(len(real), latent_size, device=device))
            real_logits, fake_logits = critic(real).float(), critic(fake).float()
            if wasserstein:
                loss = fake_logits.mean() - real_logits.mean()
                if penalized:  # as rarely as the bundle does, and so much heavier
                    loss = loss + interval * textbook_penalty(critic, real, fake)
                loss = loss + 0.001 * real_logits.square().mean()
            else:
                loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
        optimizers["discriminator"].zero_grad(set_to_none=True)
        loss.backward()
        optimizers["discriminator"].step()
        critic.requires_grad_(False)
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            logits = critic(generator(torch.randn(len(real), latent_size, device=device))).float()
            loss = -logits.mean() if wasserstein else F.softplus(-logits).mean()
        optimizers["generator"].zero_grad(set_to_none=True)
        loss.backward()
        optimizers["generator"].step()
        critic.requires_grad_(True)

    count = 0

    def run(steps: int) -> None:
        nonlocal count
        for _ in range(steps):
            step(images[order[count % (len(order) - 1)]], count % interval == 0)
            count += 1

    return run


def trainer_loop(bundle: str, images: Tensor, batch_size: int, precision: str, device: str) -> Callable[[int], None]:
    """The same through :class:`GANTrainer`, averaged weights and guard included."""
    _, optimizers, variant = networks(bundle)
    pixels = ((images[:, 0] + 1) * 127.5).round().to(torch.uint8).numpy()
    loader = StreamLoader(ImageDataset(ImageTable(name="noise", images=pixels), "all"), batch_size)
    trainer = GANTrainer(device, 1, loader, variant, optimizers, precision=precision, epoch_length=STEPS_PER_BLOCK)

    def run(steps: int) -> None:
        trainer.state.max_epochs = trainer.state.epoch + steps // STEPS_PER_BLOCK
        trainer.run()

    return run


def timed(run: Callable[[int], None], steps: int, device: str) -> float:
    """Seconds of so many steps."""
    if device != "cpu":
        torch.cuda.synchronize()
    start = time.perf_counter()
    run(steps)
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(bundle: str, precision: str, blocks: int, device: str) -> dict[str, Any]:
    """Median ratio and its quartiles."""
    images = torch.rand(1024, 1, 64, 64) * 2 - 1
    batch_size = 32
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    ours = trainer_loop(bundle, images, batch_size, precision, device)
    bare = bare_loop(bundle, images, batch_size, dtype, device)
    for run in (ours, bare):
        run(STEPS_PER_BLOCK)
    ratios = []
    for block in range(blocks):
        # The order alternates as well: the second of a pair finds warmer caches.
        pair = (ours, bare) if block % 2 else (bare, ours)
        seconds = {run: timed(run, STEPS_PER_BLOCK, device) for run in pair}
        ratios.append(seconds[ours] / seconds[bare])
    quartiles = statistics.quantiles(ratios, n=4)
    return {
        "bundle": bundle,
        "precision": precision,
        "ratio": statistics.median(ratios),
        "quartiles": [quartiles[0], quartiles[2]],
        "blocks": blocks,
        "steps_per_block": STEPS_PER_BLOCK,
        "batch_size": batch_size,
    }


def main() -> None:
    """Measure both bundles and print, and optionally store, the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--blocks", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    results = [
        measure(bundle, options.precision, options.blocks, device)
        for bundle in ("chest_xray_dcgan", "chest_xray_wgan_gp")
    ]
    report = {
        "benchmark": "trainer_overhead",
        **environment(options.threads),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "results": results,
    }
    for result in results:
        low, high = result["quartiles"]
        print(  # noqa: T201
            f"{result['bundle']} {result['precision']}: GANTrainer takes {result['ratio']:.3f} times the bare loop "
            f"(quartiles {low:.3f} to {high:.3f}, {result['blocks']} pairs of blocks)"
        )
    save(report)


if __name__ == "__main__":
    main()
