"""Time of :class:`monai_gan.metrics.FIDMetric` beside MONAI's on 2048 features, from few and from many images.

    python -m benchmarks.fid [--rounds 3] [--threads 1]

The result goes to ``benchmarks/results/fid.json``; ``python -m benchmarks.report`` puts it into the docs.

Both get the same two matrices, and both figures are kept. The features are like those of a network: not negative, with
a few strong and many weak directions. Time is that of the processor, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import monai.metrics
import torch
from torch import Tensor

from benchmarks.results import environment, save
from monai_gan.metrics import FIDMetric

FEATURES = 2048
COUNTS = (256, 512, 1024, 2048, 4096)


def features(n: int, shift: float, seed: int) -> Tensor:
    """Rectified mixtures of directions whose strength decays, (n, FEATURES) float32."""
    mixing = torch.randn(FEATURES, FEATURES, generator=torch.Generator().manual_seed(0))
    strength = torch.arange(1, FEATURES + 1).float().rsqrt()
    latents = torch.randn(n, FEATURES, generator=torch.Generator().manual_seed(seed))
    return (latents * strength @ mixing / 3 + shift).relu()


def seconds(metric: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> tuple[float, float]:
    """Processor time of one call and what it gave."""
    start = time.process_time()
    value = float(metric(x, y))
    return time.process_time() - start, value


def measure(n: int, rounds: int) -> dict[str, Any]:
    """Median ratio of the times at one number of images, and how far the figures differ."""
    x, y = features(n, 0.0, 1), features(n, 0.1, 2)
    ratios, apart = [], 0.0
    for _ in range(rounds):
        (theirs, expected), (ours, found) = seconds(monai.metrics.FIDMetric(), x, y), seconds(FIDMetric(), x, y)
        ratios.append(theirs / ours)
        apart = max(apart, abs(found - expected) / expected)
    return {
        "n": n,
        "features": FEATURES,
        "ratio": statistics.median(ratios),
        "range": [min(ratios), max(ratios)],
        "relative_difference": apart,
    }


def main() -> None:
    """Measure all numbers of images, print and store the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    # Both warn, each in its own way, of fewer images than features.
    warnings.simplefilter("ignore")
    FIDMetric()(features(64, 0.0, 1), features(64, 0.1, 2))
    results = []
    for n in COUNTS:
        results.append(measure(n, options.rounds))
        print(  # noqa: T201
            f"n = {n}: MONAI's takes {results[-1]['ratio']:.1f} times as long "
            f"(difference {results[-1]['relative_difference']:.1e})",
            flush=True,
        )
    save({"benchmark": "fid", **environment(options.threads), "rounds": options.rounds, "results": results})


if __name__ == "__main__":
    main()
