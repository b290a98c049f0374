"""How many images a second f-AnoGAN scores, and AnoGAN, which searches the latent of each with the same networks.

    python -m benchmarks.anomaly_speed bundles/head_ct_fanogan

Both in CPU time of one thread, so that other work on the machine hardly counts. Results go to
``benchmarks/results/anomaly_speed.json`` and from there to the page on anomaly detection.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.results import RESULTS, environment, save
from monai_gan.bundle import load_network
from monai_gan.networks.nets import AnoGANNetwork, DetectionNetwork, FAnoGANNetwork

SPEED = RESULTS / "anomaly_speed.json"
#: Images at once, as `monai-gan detect` takes them.
BATCH = 16
#: Steps of the search that are timed, and those of the paper, to which the time is scaled up.
TIMED_STEPS, PAPER_STEPS = 10, 500
REPEATS = 5


def seconds_per_image(network: DetectionNetwork, images: Tensor, repeats: int = REPEATS) -> float:
    """The least CPU time of a few runs over images (N, 1, *S), per image, after one run to warm up."""
    times = []
    for _ in range(repeats + 1):
        began = time.thread_time()
        with torch.inference_mode():
            network.detect(images)
        times.append(time.thread_time() - began)
    return min(times[1:]) / len(images)


def measure(network: FAnoGANNetwork, images: Tensor) -> dict[str, float]:
    """Images a second of both, and their ratio; a search's time is that of its steps."""
    search = AnoGANNetwork(network.generator, network.critic, steps=TIMED_STEPS).eval()
    fast = seconds_per_image(network, images)
    slow = seconds_per_image(search, images, 2) * PAPER_STEPS / TIMED_STEPS
    return {
        "fanogan_images_per_second": round(1 / fast, 1),
        "anogan_images_per_second": round(1 / slow, 3),
        "ratio": round(slow / fast, 1),
    }


def main() -> None:
    """Measure one bundle."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("bundle", type=Path)
    root = parser.parse_args().bundle
    torch.set_num_threads(1)
    network = load_network(root)
    assert isinstance(network, FAnoGANNetwork)
    images = 2 * torch.rand(BATCH, 1, 64, 64, generator=torch.Generator().manual_seed(0)) - 1
    found = {"benchmark": SPEED.stem, "bundle": root.name, "search_steps": PAPER_STEPS}
    save(found | measure(network, images) | environment(1))


if __name__ == "__main__":
    main()
