"""What the page knows: names of its state and what they hold at the start."""

from __future__ import annotations

from typing import Any

from monai_gan.viewer.layout import ORIENTATIONS, RESULT, THREE_D
from monai_gan.viewer.runs import IDLE
from monai_gan.viewer.tasks import TASKS

#: Names that a job is made of; a change of one looks again whether it can be started.
CHOICES = ("image", "bundle", "label", "seed", "count", "truncation", "direction", "strength", "uncertainty", "device")
#: Names that only change what the views show.
LOOKS = ("mode", "fraction", "opacity", "threshold")


def initial_state(loopback: bool, max_upload: int) -> dict[str, Any]:
    """The state at the start.

    Args:
        loopback: whether a path on this computer can be typed in.
        max_upload: megabytes.
    """
    views = [*ORIENTATIONS, *(RESULT + name for name in ORIENTATIONS), THREE_D]
    return {
        "trame__title": "monai-gan viewer",
        # images
        "images": [],
        "image": None,
        "path": "",
        "takes_path": loopback,
        "max_upload": max_upload,
        "uploaded": -1,
        # the job to be
        "tasks": [{"value": name, "title": title} for name, title in TASKS.items()],
        "task": "translation",
        "bundles": [],
        "bundle": "",
        "card": {},
        "labels": [],
        "label": "",
        "directions": [],
        "direction": "",
        "strength": 0.0,
        "takes_truncation": False,
        "truncation": 1.0,
        "offers_uncertainty": False,
        "uncertainty": False,
        "seed": 0,
        "count": 8,
        "device": "auto",
        "refusal": "",
        "cautions": [],
        # the job
        "run": IDLE,
        # its result
        "facts": [],
        "downloads": [],
        "gallery": [],
        "sample": "",
        "regions": [],
        "modes": [],
        "mode": "input",
        "fraction": 0.5,
        "opacity": 0.6,
        "threshold": 0.0,
        "span": 1.0,
        # the page
        "captions": dict.fromkeys(views, ""),
        "flat": False,  # a single slice, such as a picture, whose axes need not be those of a person
        "page": "views",
        "notice": None,
    }
