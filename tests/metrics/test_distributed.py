"""Two processes with a share of the images each get the figures of all images."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor

from monai_gan.errors import InputError
from monai_gan.metrics import FIDMetric, KIDMetric

#: Images of (rank 0, rank 1), synthetic and real, at 12 features.
SHARES = {
    "few": ((4, 3), (2, 5)),
    "many": ((30, 45), (25, 50)),
    "together-more-than-features": ((8, 9), (11, 5)),
    "one-process-has-none": ((0, 40), (7, 0)),
}


def images(shares: tuple[int, int], seed: int) -> list[Tensor]:
    features = torch.randn(sum(shares), 12, generator=torch.Generator().manual_seed(seed))
    return list((features * (1 + seed)).split(list(shares)))


def figures(rank: int | None) -> dict[str, Any]:
    """What one process of two, or one alone, gets."""
    found = {}
    for name, (fake, real) in SHARES.items():
        for metric in (FIDMetric(), KIDMetric(subsets=5, subset_size=3)):
            for i, (x, y) in enumerate(zip(images(fake, 0), images(real, 1), strict=True)):
                if rank in (i, None):
                    metric.update(y_pred=x if len(x) else None, y=y if len(y) else None)
            found[f"{name} {type(metric).__name__}"] = [float(v) for v in torch.as_tensor(metric.compute()).reshape(-1)]
    return found


def worker(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    found = figures(rank)
    metric = FIDMetric()
    metric.update(y_pred=torch.randn(5, 3 + rank), y=torch.randn(5, 3))
    try:
        metric.compute()
    except InputError as error:
        found["error"] = str(error)
    try:
        FIDMetric().compute()
    except InputError as error:
        found["empty"] = str(error)
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore:FID of")
def test_two_processes_equal_one(tmp_path: Path) -> None:
    mp.spawn(worker, (str(tmp_path),), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert first == second, "every process gets the same"
    assert "features per image" in first.pop("error")
    assert "too few" in first.pop("empty")
    alone = figures(None)
    assert set(first) == set(alone)
    for name, values in alone.items():
        assert first[name] == pytest.approx(values, rel=1e-9, abs=1e-9), name
