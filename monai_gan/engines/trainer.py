"""The one trainer of all variants: it knows how to step, a variant knows what the losses are."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from ignite.engine import Engine
from monai.engines import Trainer
from monai.inferers import Inferer, SimpleInferer
from torch import Tensor

from monai_gan.engines.batches import FreshBatches, prepare_gan_batch
from monai_gan.engines.cuda_recorder import CudaRecorder
from monai_gan.engines.distributed import broadcast_module, world
from monai_gan.engines.ema import EMA
from monai_gan.engines.guard import NonFiniteGuard
from monai_gan.engines.half_step import HalfStep, Losses
from monai_gan.engines.random_state import random_state, set_random_state
from monai_gan.engines.rates import change_rates, follow_rates
from monai_gan.engines.step_graph import StepGraphs
from monai_gan.errors import InputError
from monai_gan.losses import correct_lazy_adam
from monai_gan.variants import Half, Part, Phase, Step, Variant

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
#: Overflows in a row that a growing fp16 loss scale may cause before training is called broken.
FP16_PATIENCE = 32


class GANTrainer(Trainer):
    """Trains a :class:`~monai_gan.variants.Variant`; a MONAI ``Trainer``, so that MONAI's and ignite's handlers attach.

    An iteration is ``n_critic`` discriminator steps, each on fresh batches, and one generator step. ``state.output`` is
    a list of one dictionary, MONAI's decollated form, with the named losses as scalar tensors (``"discriminator/..."``,
    ``"generator/..."``), their sums ``"d_loss"`` and ``"g_loss"``, and the variant's ``figures``; ``state.images``
    counts the real images that the last iteration saw. Interrupted and resumed training equals uninterrupted training
    bit for bit on the CPU when the loader is a :class:`~monai_gan.data.StreamLoader`. Under a process group every rank
    trains on its share and gradients are averaged.

    Args:
        device: where to train.
        max_epochs: passes over the data.
        train_data_loader: gives batches for ``prepare_batch``.
        variant: networks, losses and schedule.
        optimizers: an optimizer per name of ``variant.networks``.
        n_critic: discriminator steps per generator step.
        schedulers: learning-rate schedulers by network name, stepped after each epoch.
        ema_decay: of the averaged networks that are sampled and exported.
        precision: ``"fp32"``, ``"bf16"`` or ``"fp16"`` (with loss scaling).
        accumulation_steps: micro-batches per optimizer step.
        clip_norm: largest gradient norm per network; None does not clip.
        cuda_graph: replay optimizer steps as CUDA graphs, which spares the time between small kernels; see
            :class:`~monai_gan.engines.step_graph.StepGraphs`.
        channels_last: keep networks and images in channels-last layout, often faster on CPUs and tensor cores.
        seed: of latents and of all other random numbers of the losses.
        epoch_length: iterations per epoch; by default one pass over the loader.
        inferer: how samples are drawn from the averaged variant.
        prepare_batch: brings a loader's batch to ``{"image": ..., "label": ...}``.
        non_blocking: of copies to the device.
        key_train_metric: and the following as in ``monai.engines.SupervisedTrainer``.

    Raises:
        ValueError: for unknown precision, missing optimizers, counts below 1, phases of unknown networks and
            ``cuda_graph`` on another device than a CUDA one.
    """

    def __init__(
        self,
        device: torch.device | str,
        max_epochs: int,
        train_data_loader: Iterable[Any],
        variant: Variant,
        optimizers: Mapping[str, torch.optim.Optimizer],
        *,
        n_critic: int = 1,
        schedulers: Mapping[str, torch.optim.lr_scheduler.LRScheduler] | None = None,
        ema_decay: float = 0.999,
        precision: str = "fp32",
        accumulation_steps: int = 1,
        clip_norm: float | None = None,
        channels_last: bool = False,
        cuda_graph: bool = False,
        seed: int = 0,
        epoch_length: int | None = None,
        inferer: Inferer | None = None,
        prepare_batch: Callable[..., Mapping[str, Any]] = prepare_gan_batch,
        non_blocking: bool = False,
        key_train_metric: dict[str, Any] | None = None,
        additional_metrics: dict[str, Any] | None = None,
        train_handlers: Sequence[Any] | None = None,
    ) -> None:
        _check(variant, optimizers, max_epochs, n_critic, accumulation_steps, precision)
        if cuda_graph and torch.device(device).type != "cuda":
            raise ValueError(f"cuda_graph=True needs a CUDA device, not '{device}': choose one, or cuda_graph=False.")
        variant.check_data(getattr(train_data_loader, "dataset", None))
        self.variant = variant.to(device)
        self.optimizers = dict(optimizers)
        self.schedulers = dict(schedulers or {})
        self.n_critic = n_critic
        self.accumulation_steps = accumulation_steps
        self.clip_norm = clip_norm
        self.seed = seed
        self.precision = precision
        self.channels_last = channels_last
        self.inferer = inferer or SimpleInferer()
        self._seconds, self._clock, self._substep = 0.0, 0.0, 0
        self.rank, self.world_size = world()
        self._trainable = {
            name: [p for p in network.parameters() if p.requires_grad] for name, network in variant.networks.items()
        }
        if channels_last:
            for parameter in variant.parameters():
                parameter.data = parameter.data.contiguous(memory_format=_channels_last(parameter.ndim))
        broadcast_module(variant)
        self.ema = EMA(variant, ema_decay)
        self.guard = NonFiniteGuard(FP16_PATIENCE if precision == "fp16" else 0)
        kind = torch.device(device).type
        halves: tuple[Half, Half] = ("discriminator", "generator")
        self.scalers = {half: torch.amp.GradScaler(kind, enabled=precision == "fp16") for half in halves}
        for half, interval in variant.lazy_intervals.items():
            for name in variant.discriminator_names if half == "discriminator" else variant.generator_names:
                correct_lazy_adam(self.optimizers[name], interval)
                follow_rates(self.schedulers.get(name), self.optimizers[name])
        self._rates = {
            name: [group.get("initial_lr", group["lr"]) for group in optimizer.param_groups]
            for name, optimizer in self.optimizers.items()
        }
        self.step_graphs = StepGraphs(CudaRecorder(device)) if cuda_graph else None
        self.batches = FreshBatches(train_data_loader, self._batches_needed)
        super().__init__(
            device=device,
            max_epochs=max_epochs,
            data_loader=self.batches,
            epoch_length=epoch_length or self.batches.epoch_length(n_critic * accumulation_steps),
            non_blocking=non_blocking,
            prepare_batch=prepare_batch,
            key_metric=key_train_metric,
            additional_metrics=additional_metrics,
            handlers=train_handlers,
            decollate=False,
        )

    def run(self) -> None:  # type: ignore[override]
        """Train up to ``max_epochs``; returns at once when a resumed run is already complete."""
        if self.state.iteration >= self.state.max_epochs * self.state.epoch_length:
            self.logger.info("Training is complete at epoch %d; raise max_epochs to go on.", self.state.epoch)
            return
        # An epoch that was left half way is not done, and is not begun anew: ignite would do so after a termination.
        self.state.epoch = self.state.iteration // self.state.epoch_length
        self.should_terminate = False
        self.variant.train()
        self._clock = time.monotonic()
        try:
            super().run()
            self.guard.flush()
        finally:
            self._seconds, self._clock = self.seconds, 0.0

    @property
    def seconds(self) -> float:
        """Time spent in training so far, interruptions left out."""
        return self._seconds + (time.monotonic() - self._clock if self._clock else 0.0)

    @torch.no_grad()
    def sample(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, *S) in [-1, 1], float32, of the averaged networks in eval mode."""
        arguments = () if labels is None else (labels.to(self.state.device),)
        return self.inferer(latents.to(self.state.device), self.ema.variant.sample, *arguments).float()

    def phase(self, iteration: int) -> tuple[Phase, float]:
        """The phase that iteration ``iteration`` (counted from 0) belongs to, and the progress within it.

        The last phase goes on where the schedule is shorter than the training.
        """
        start = 0
        for phase in self.variant.phases:
            if phase.until is None:
                return phase, 0.0
            if iteration < phase.until:
                return phase, (iteration - start) / (phase.until - start)
            start = phase.until
        return phase, 1.0

    def state_dict(self) -> dict[str, Any]:  # type: ignore[override]
        """Everything that resuming needs, as tensors and plain values (loads with ``weights_only=True``).

        Raises:
            NonFiniteLossError: when the losses or weights are not worth keeping.
        """
        self.guard.flush()
        self.guard.check_weights(self.variant.networks, self.state.iteration)
        return {
            "iteration": self.state.iteration,
            "seconds": self.seconds,
            "epoch_length": self.state.epoch_length,
            "variant": self.variant.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "schedulers": {name: scheduler.state_dict() for name, scheduler in self.schedulers.items()},
            "scalers": {half: scaler.state_dict() for half, scaler in self.scalers.items()},
            "rates": self._rates,
            "ema": self.ema.state_dict(),
            "loader": self.batches.state_dict(),
            "random": random_state(),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned; the next :meth:`run` goes on from there.

        Learning rates that this trainer was built with count: where they differ from those of the checkpoint, the
        present rates change in proportion.

        Raises:
            InputError: when the checkpoint belongs to other networks, optimizers or another epoch length.
        """
        if state_dict["epoch_length"] != self.state.epoch_length:
            raise InputError(
                f"The checkpoint has {state_dict['epoch_length']} iterations per epoch, this run "
                f"{self.state.epoch_length}; resume with the batch size, n_critic and data of the first run, "
                "or choose a new output folder."
            )
        try:
            self.variant.load_state_dict(state_dict["variant"])
            self.ema.load_state_dict(state_dict["ema"])
        except (RuntimeError, KeyError) as error:
            raise InputError(
                f"The checkpoint belongs to other networks: {error}; resume with the configuration of the first run, "
                "or choose a new output folder."
            ) from error
        for group, states in (
            ("optimizers", self.optimizers),
            ("schedulers", self.schedulers),
            ("scalers", self.scalers),
        ):
            for name, item in states.items():
                try:
                    item.load_state_dict(state_dict[group][name])
                except (RuntimeError, ValueError, KeyError) as error:
                    raise InputError(
                        f"The checkpoint does not fit {group}['{name}']: {error}; resume with the configuration of the "
                        "first run, or choose a new output folder."
                    ) from error
        for name, rates in state_dict["rates"].items():
            change_rates(self.optimizers[name], self.schedulers.get(name), rates, self._rates[name])
        self.batches.load_state_dict(state_dict["loader"])
        if self.step_graphs is not None:
            self.step_graphs.forget()
        self._seconds, self._clock = state_dict["seconds"], 0.0
        self.state.iteration = state_dict["iteration"]
        self.state.epoch = self.state.iteration // self.state.epoch_length
        set_random_state(state_dict["random"])

    def _batches_needed(self) -> int:
        """Fresh batches that the coming iteration takes."""
        phase, _ = self.phase(self.state.iteration)
        steps = self.n_critic if self._trained("discriminator", phase) else 1
        return steps * self.accumulation_steps

    def _iteration(self, engine: Engine, batches: list[Any]) -> list[dict[str, Tensor]]:  # type: ignore[override]
        iteration = self.state.iteration - 1
        phase, fraction = self.phase(iteration)
        step = Step(iteration, phase, fraction, seed=self.seed, rank=self.rank, world_size=self.world_size)
        groups = self._prepare(batches)
        self._substep = 0
        output: dict[str, Tensor] = {}
        if self._trained("discriminator", phase):
            for k, group in enumerate(groups):
                losses = self._half("discriminator", group, step, count=iteration * self.n_critic + k)
                for name, value in losses.items():
                    output[name] = output.get(name, 0.0) + value / self.n_critic
        if self._trained("generator", phase):
            output.update(self._half("generator", groups[-1], step, count=iteration))
        output.update({name: value.detach().clone() for name, value in self.variant.figures.items()})
        self.ema.update()
        if self.state.iteration % self.state.epoch_length == 0:
            with warnings.catch_warnings():
                # An optimizer whose networks the phase leaves alone has not stepped yet, and none has to.
                warnings.filterwarnings("ignore", message=r"Detected call of `lr_scheduler\.step")
                for scheduler in self.schedulers.values():
                    scheduler.step()
        return [output]

    def _half(self, half: Half, batches: list[dict[str, Any]], step: Step, count: int) -> dict[str, Tensor]:
        """The optimizer steps of one half; ``count`` numbers them, which tells when a lazy regularizer is due."""
        interval = self.variant.lazy_intervals.get(half, 1)
        if interval == 1:
            losses = self._optimize(half, batches, step, "all")
        else:
            losses = self._optimize(half, batches, step, "main")
            if count % interval == 0:
                losses.update(self._optimize(half, batches, step, "regularizer"))
        output = {f"{half}/{name}": value for name, value in losses.items()}
        output[f"{half[0]}_loss"] = torch.stack(list(losses.values())).sum()
        return output

    def _optimize(self, half: Half, batches: list[dict[str, Any]], step: Step, part: Part) -> dict[str, Tensor]:
        """One optimizer step of the networks of a half over its micro-batches; returns the named losses."""
        work = HalfStep(
            self.variant,
            half,
            {name: self.optimizers[name] for name in self._trained(half, step.phase)},
            self._trainable,
            self.scalers[half],
            PRECISIONS[self.precision],
            self.clip_norm,
            self.state.device,
        )
        step = replace(step, part=part, scale=work.scaler.get_scale())
        steps = [replace(step, substep=self._substep + k) for k in range(1, len(batches) + 1)]
        self._substep += len(batches)

        def judge(losses: Losses) -> None:
            self.guard.check({f"{half}/{name}": value for name, value in losses.items()}, self.state.iteration)

        if self.step_graphs is None:
            return work.run(batches, steps, judge)
        return self.step_graphs.run(work, batches, steps, judge)

    def _prepare(self, batches: list[Any]) -> list[list[dict[str, Any]]]:
        """Batches on the device, in groups of the micro-batches of one optimizer step."""
        prepared = []
        for batch in batches:
            ready = dict(self.prepare_batch(batch, self.state.device, self.non_blocking))
            known = isinstance(batch, Mapping) and batch.keys() >= ready.keys()
            self.variant.check_batch(batch if known else ready)
            if self.channels_last:
                for key in ("image", "target"):
                    if key in ready:
                        ready[key] = ready[key].contiguous(memory_format=_channels_last(ready[key].ndim))
            prepared.append(ready)
        self.state.images = self.world_size * sum(len(ready["image"]) for ready in prepared)
        size = self.accumulation_steps
        return [prepared[i : i + size] for i in range(0, len(prepared), size)]

    def _trained(self, half: Half, phase: Phase) -> list[str]:
        names = self.variant.discriminator_names if half == "discriminator" else self.variant.generator_names
        return [name for name in names if name in phase.trains]


def _channels_last(ndim: int) -> torch.memory_format:
    return {4: torch.channels_last, 5: torch.channels_last_3d}.get(ndim, torch.contiguous_format)


def _check(
    variant: Variant,
    optimizers: Mapping[str, Any],
    max_epochs: int,
    n_critic: int,
    accumulation_steps: int,
    precision: str,
) -> None:
    counts = {"max_epochs": max_epochs, "n_critic": n_critic, "accumulation_steps": accumulation_steps}
    for name, value in counts.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}={value} must be a whole number of at least 1.")
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r} is unknown; choose one of {', '.join(PRECISIONS)}.")
    missing, unknown = set(variant.networks) - set(optimizers), set(optimizers) - set(variant.networks)
    if missing or unknown:
        raise ValueError(
            f"optimizers={sorted(optimizers)} must name exactly the networks {sorted(variant.networks)} of "
            f"{type(variant).__name__}."
        )
    for phase in variant.phases:
        if not set(phase.trains) <= set(variant.networks):
            raise ValueError(
                f"phase '{phase.name}' trains {sorted(phase.trains)}, which must be networks of "
                f"{type(variant).__name__}: {sorted(variant.networks)}."
            )
