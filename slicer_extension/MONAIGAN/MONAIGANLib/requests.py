"""From the choices of a person to the runner's request, and from its result to the scene."""

from dataclasses import dataclass

from MONAIGANLib import catalogue, tasks
from MONAIGANLib.texts import _

#: Seconds from which a run on the CPU is worth a word.
LONG = 300


@dataclass(frozen=True)
class Choices:
    """What a person chose in the panel; nodes are those of the scene or None."""

    task: str = "translation"
    bundle: str = ""
    source: object = None
    target: object = None
    device: str = "auto"
    seed: int = 0
    count: int = 1
    truncation: float = 1.0
    label: str = ""
    uncertainty: bool = False
    trust: bool = False
    frames: bool = False


def refusal(choices):
    """Why the job cannot be started; empty when it can."""
    task = tasks.taskNamed(choices.task)
    fields = tasks.fieldsOf(task)
    if not fields:
        return _("The installed version of monai-gan cannot do this task: update it.")
    info = catalogue.bundleNamed(choices.bundle)
    if info is None:
        return _("Choose a bundle.")
    if info.task != task.name:
        return _("The bundle '{name}' is for another task: choose one of the list.").format(name=info.name)
    labels = catalogue.labelsOf(info)
    if labels and choices.label not in labels:
        return _("Choose a class or direction.")
    if not task.needsInput:
        return ""
    from monai_gan.mrml import input_refusal

    # A 2-D network that looks at slices takes volumes and single slices alike.
    reason = input_refusal(choices.source, info.spatial_dims)
    if not reason and choices.target is not None and choices.target is choices.source:
        return _("The output is the input volume: choose another output, so that nothing is lost.")
    return reason


def cautions(choices, devices=None):
    """What a person should know before the job is started, a sentence each.

    :param choices: `Choices`
    :param devices: names of the devices of this computer when they are known
    """
    found = []
    if deviceOf(choices, devices) != choices.device:
        found.append(
            _("The device {name} is not in this computer: the first GPU is used, else the CPU.").format(
                name=choices.device
            )
        )
    if tasks.taskNamed(choices.task).needsInput and choices.source is not None:
        from monai_gan.mrml import input_cautions

        found += input_cautions(choices.source)
    return found


def deviceOf(choices, devices=None):
    """The device that is asked for, or "auto" where it is known not to be there, as after a change of computer."""
    absent = devices and choices.device not in ("auto", "cpu") and choices.device not in devices
    return "auto" if absent else choices.device


def requestOf(choices, folder, devices=None):
    """Write the input into a folder and give the request.

    :param choices: `Choices`
    :param folder: private, existing
    :param devices: names of the devices of this computer when they are known; another one becomes "auto"
    """
    from monai_gan.mrml import request_of

    return request_of(
        tasks.taskNamed(choices.task).name,
        choices.bundle,
        folder,
        source=choices.source,
        frames=choices.frames,
        device=deviceOf(choices, devices),
        seed=choices.seed,
        n=choices.count,
        truncation=choices.truncation,
        label=choices.label or None,
        uncertainty=choices.uncertainty,
        trust=choices.trust,
    )


def takeOver(scene, result, choices):
    """Make nodes of a result.

    :param scene: the scene
    :param result: the runner's event
    :param choices: as the job was started with
    :return: `monai_gan.mrml.Outcome`
    """
    from monai_gan.errors import InputError
    from monai_gan.mrml import Outcome, import_frames, import_outcome, sequence_of

    for node in (choices.source, choices.target):
        if node is not None and scene.GetNodeByID(node.GetID() or "") is not node:
            raise InputError(
                _("'{name}' was removed from the scene while the job ran: run it again.").format(name=node.GetName())
            )
    info = catalogue.bundleNamed(choices.bundle)
    if info is None:
        raise InputError(_("The bundle was removed while the job ran: run it again."))
    if choices.frames and sequence_of(scene, choices.source) is not None:
        node = import_frames(scene, result, info, choices.source)
        report = result.get("report") or {}
        return Outcome([node], ["result"], tuple(report.get("warnings") or ()), report)
    return import_outcome(scene, result, info, source=choices.source, target=choices.target)


def isFrame(scene, volume):
    """Whether a volume is the current frame of a sequence."""
    try:
        from monai_gan.mrml import sequence_of
    except ImportError:
        return False
    return sequence_of(scene, volume) is not None


def phaseText(progress):
    """One line on how far a job is."""
    parts = [progress.phase, progress.message]
    if progress.seconds_left is not None:
        parts.append(_("{seconds} s left").format(seconds=max(1, round(progress.seconds_left))))
    return " · ".join(part for part in parts if part)


def longText(progress, device):
    """A word on a run that takes long on the CPU; empty otherwise."""
    left = progress.seconds_left if progress is not None else None
    if left is None or left < LONG or device not in ("auto", "cpu"):
        return ""
    return _("This takes about {minutes} minutes more. Cancel, or leave it running: Slicer stays usable.").format(
        minutes=round(left / 60)
    )
