"""A critic step under DistributedDataParallel: two processes give the gradients of one process on the joined batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from monai_gan.losses import AdversarialLoss, GradientPenalty

KINDS = ("two_sided", "one_sided", "r1", "r2")

# Each process takes its half of every batch and writes the gradients that it holds after one backward().
WORKER = """
import sys
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from monai_gan.losses import AdversarialLoss, GradientPenalty

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
case = torch.load(f"{folder}/case.pt", weights_only=False)
critic = DistributedDataParallel(case["critic"], broadcast_buffers=False)
real, fake, epsilon = (case[name].chunk(2)[rank] for name in ("real", "fake", "epsilon"))
gradients = {}
for kind, target in case["targets"].items():
    critic.zero_grad()
    loss = AdversarialLoss("non_saturating").discriminator(critic(real), critic(fake))
    (loss + GradientPenalty(kind, target=target)(critic, real, fake, epsilon=epsilon)).backward()
    gradients[kind] = [parameter.grad.clone() for parameter in critic.parameters()]
torch.save(gradients, f"{folder}/rank{rank}.pt")
dist.barrier()
dist.destroy_process_group()
"""


def test_two_processes_equal_one(tmp_path: Path) -> None:
    critic = nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.2), nn.Linear(8, 8), nn.Softplus(), nn.Linear(8, 1))
    real, fake, epsilon = torch.randn(8, 6), torch.randn(8, 6), torch.rand(8)
    # A small target, so that the one-sided penalty is at work.
    targets = dict.fromkeys(KINDS, 0.05)
    torch.save(
        {"critic": critic, "real": real, "fake": fake, "epsilon": epsilon, "targets": targets}, tmp_path / "case.pt"
    )

    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "CUDA_VISIBLE_DEVICES": ""}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(rank), str(tmp_path)], env=environment, stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    try:
        errors = [worker.communicate(timeout=120)[1] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(errors)

    ranks = [torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2)]
    for kind in KINDS:
        without: list[Tensor] = gradients(
            critic, AdversarialLoss("non_saturating").discriminator(critic(real), critic(fake))
        )
        loss = AdversarialLoss("non_saturating").discriminator(critic(real), critic(fake))
        loss = loss + GradientPenalty(kind, target=targets[kind])(critic, real, fake, epsilon=epsilon)
        expected = gradients(critic, loss)
        assert not torch.allclose(expected[0], without[0], atol=1e-4), f"{kind}: the penalty is not at work"
        for rank in ranks:
            for actual, wanted in zip(rank[kind], expected, strict=True):
                torch.testing.assert_close(actual, wanted, rtol=1e-6, atol=1e-6)


def gradients(critic: nn.Module, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(critic.parameters())))
