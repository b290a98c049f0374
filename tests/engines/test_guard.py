"""The guard: when it stops training, what it tolerates, and what it says."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_gan.engines import NonFiniteGuard
from monai_gan.errors import NonFiniteLossError

FINE, BROKEN = torch.tensor(1.0), torch.tensor(float("inf"))


def test_the_loss_that_is_not_finite_is_named() -> None:
    guard = NonFiniteGuard()
    guard.check({"adversarial": FINE, "penalty": FINE}, 1)
    with pytest.raises(
        NonFiniteLossError, match=r"^Loss 'penalty' became inf at iteration 2; training stopped\. No ch"
    ):
        guard.check({"adversarial": FINE, "penalty": BROKEN}, 2)


def test_single_overflows_are_tolerated_and_a_run_of_them_is_not() -> None:
    guard = NonFiniteGuard(patience=2)
    for value in (BROKEN, BROKEN, FINE, BROKEN, BROKEN):
        guard.check({"loss": value}, 1)
    with pytest.raises(NonFiniteLossError, match="iteration 6"):
        guard.check({"loss": BROKEN}, 6)


def test_a_sound_generator_does_not_make_up_for_a_broken_discriminator() -> None:
    guard = NonFiniteGuard(patience=2)
    for iteration in (1, 2):
        guard.check({"discriminator": BROKEN}, iteration)
        guard.check({"generator": FINE}, iteration)
    with pytest.raises(NonFiniteLossError, match="'discriminator' became inf at iteration 3"):
        guard.check({"discriminator": BROKEN}, 3)


def test_spoilt_weights_are_refused_by_the_name_of_their_network() -> None:
    guard = NonFiniteGuard()
    guard.last_checkpoint = "run/checkpoint.pt"
    networks = {"discriminator": nn.Linear(2, 1), "generator": nn.Linear(2, 1), "none": nn.Identity()}
    guard.check_weights(networks, 4)
    nn.init.constant_(networks["generator"].get_parameter("bias"), float("nan"))
    with pytest.raises(NonFiniteLossError, match=r"'generator' are no longer finite after iteration 5.*run/checkpoint"):
        guard.check_weights(networks, 5)
