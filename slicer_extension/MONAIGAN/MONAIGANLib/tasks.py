"""The tasks of the panel; what the engine of the installed package cannot do yet is shown but cannot be chosen."""

from dataclasses import dataclass

from MONAIGANLib.texts import _


@dataclass(frozen=True)
class Task:
    """One entry of the task switch.

    :param name: as the runner's request and the bundles have it
    :param title: for people
    :param hint: one sentence for people
    :param needsInput: whether a volume is worked on
    :param mapsAnomalies: whether the result is a map over the input
    """

    name: str
    title: str
    hint: str
    needsInput: bool = True
    mapsAnomalies: bool = False


def allTasks():
    """The tasks in the order of the panel."""
    return [
        Task("translation", _("Translate to another contrast"), _("For instance T2-weighted MR of T1-weighted.")),
        Task("enhancement", _("Enhance"), _("Higher resolution or less noise, in the same units.")),
        Task("anomaly_detection", _("Find what is unusual"), _("A map over the input."), mapsAnomalies=True),
        Task("synthesis", _("Synthesize"), _("New images of noise, by seed."), needsInput=False),
    ]


def taskNamed(name):
    """The task of that name, or the first one for a name that is not known."""
    return next((task for task in allTasks() if task.name == name), allTasks()[0])


def fieldsOf(task):
    """Fields that a request of a task may have; empty when the installed package cannot do it."""
    try:
        from monai_gan.apps.request import task_fields
        from monai_gan.errors import InputError
    except ImportError:
        return {}
    try:
        return task_fields(task.name)
    except InputError:
        return {}
