"""Networks that several processes use, each on its own device."""

from __future__ import annotations

import pickle

import torch
from torch import nn

from monai_gan.transforms.opening import PerProcess, place


def test_a_network_on_another_device_leaves_the_original_to_forked_processes() -> None:
    network = nn.Linear(1, 1)
    assert place(network, "cpu") is network
    assert place(network, "meta").weight.device.type == "meta"
    assert network.weight.device == torch.device("cpu")


def test_a_state_stays_in_its_process() -> None:
    shared = PerProcess(list)
    with shared.mine() as state:
        state.append(1)
    with shared.mine() as state:
        assert state == [1]
    with pickle.loads(pickle.dumps(shared)).mine() as state:
        assert state == []
