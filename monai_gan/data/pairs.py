"""Lists of paired volumes for MONAI's data sets: found in a folder, extracted, and every person as often."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from monai_gan.data.pair_layouts import LAYOUTS, LESION, MASK, Session
from monai_gan.data.sources import find_folder
from monai_gan.data.splits import SPLITS, split_by_subject
from monai_gan.errors import InputError

Sample = dict[str, Any]


def volume_pairs(
    root: str | os.PathLike[str],
    image: str,
    target: str,
    split: Literal["train", "val", "test"] = "train",
    layout: Literal["sessions", "ixi", "brats", "synthrad"] = "sessions",
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    leave_out: Sequence[str] = (),
) -> list[Sample]:
    """List the sessions of a set that have both contrasts.

    Layouts: ``"sessions"`` has a table ``sessions.tsv`` (columns subject, session and perhaps split) and
    ``<subject>/<session>/<contrast>.nii.gz``; ``"ixi"``, ``"brats"`` and ``"synthrad"`` are these sets as they are
    unpacked. The volumes of IXI lie in one frame but on different grids: resample them (``ResampleToMatchd``).

    Args:
        root: the folder, or its name under ``$MONAI_GAN_DATA``.
        image: contrast of the input, for instance ``"T1"`` or ``"MR"``; upper or lower case.
        target: contrast to learn.
        split: which part; the table's own, or one by subject for sets without.
        layout: how the set lies in its folder.
        fractions: shares of the subjects in the three parts, for sets without parts of their own.
        seed: of that split.
        leave_out: subjects that are passed over, to try what is learned from the others on them.

    Returns:
        Samples ``{"image": path, "target": path, "subject": ..., "session": ...}``, with ``"mask"`` and ``"lesion"``
        where there are such files, in the order of the subjects.

    Raises:
        InputError: the folder is not found or laid out otherwise, nothing has both contrasts, a part is empty, or
            ``leave_out`` names nobody.

    Example:
        >>> samples = volume_pairs("/data/IXI", "T1", "T2", layout="ixi")  # doctest: +SKIP
    """
    for name, value, known in (("split", split, SPLITS), ("layout", layout, tuple(LAYOUTS))):
        if value not in known:
            raise InputError(f"{name}='{value}' is unknown: give one of {', '.join(known)}.")
    folder = find_folder(root)
    sessions = list(LAYOUTS[layout](folder))
    if not sessions:
        reader = (LAYOUTS[layout].__doc__ or "").strip()
        raise InputError(
            f"root='{folder}' is not laid out as layout='{layout}' ({reader}): check the folder, or give another "
            f"layout ({', '.join(LAYOUTS)})."
        )
    names = {"image": image.lower(), "target": target.lower()}
    paired = [session for session in sessions if all(name in session.files for name in names.values())]
    if not paired:
        found = sorted({name for session in sessions for name in session.files} - {MASK, LESION})
        raise InputError(
            f"No session of '{folder}' has both image='{image}' and target='{target}': its contrasts are "
            f"{', '.join(found)}."
        )
    if unknown := set(leave_out) - {session.subject for session in paired}:
        raise InputError(f"leave_out names {', '.join(sorted(unknown))}, but '{folder}' has no such subject.")
    parts = zip(paired, _parts(paired, fractions, seed), strict=True)
    chosen = [one for one, part in parts if part == split and one.subject not in leave_out]
    if not chosen:
        raise InputError(
            f"split='{split}' of '{folder}' has no session left with both image='{image}' and target='{target}': give "
            "another split, other fractions, or leave out fewer."
        )
    return [_sample(session, names) for session in chosen]


def balanced_samples(
    samples: Sequence[Mapping[str, Any]], length: int, margins: Sequence[float | None] = (None,)
) -> list[Sample]:
    """Repeat samples so that every subject comes equally often, whole and with the brain extracted.

    Together with ``CacheDataset(hash_as_key=True)``, which keeps equal samples once, this is an epoch of any length
    from few volumes.

    Args:
        samples: with ``"subject"``.
        length: samples to give, at least one.
        margins: forms of each sample that has a ``"mask"``: None leaves it whole, a number becomes its ``"margin"`` in
            mm for :class:`~monai_gan.transforms.KeepInsided`. Samples without a mask are left whole.

    Raises:
        InputError: there are no samples, or no length.
    """
    if not samples or length < 1:
        raise InputError(f"{len(samples)} samples cannot be repeated to length={length}: give at least one of each.")
    by_subject: dict[str, list[Sample]] = {}
    for sample in samples:
        forms = by_subject.setdefault(str(sample["subject"]), [])
        for margin in margins if MASK in sample else (None,):
            forms.append(dict(sample) if margin is None else {**sample, "margin": float(margin)})
    subjects = list(by_subject.values())
    turns = ((number // len(subjects), subjects[number % len(subjects)]) for number in range(length))
    return [forms[turn % len(forms)] for turn, forms in turns]


def _parts(sessions: Sequence[Session], fractions: Sequence[float], seed: int) -> list[str]:
    if all(session.split for session in sessions):
        return [str(session.split) for session in sessions]
    return [SPLITS[part] for part in split_by_subject([one.subject for one in sessions], fractions, seed)]


def _sample(session: Session, names: Mapping[str, str]) -> Sample:
    files = {key: session.files[name] for key, name in names.items()}
    files |= {name: session.files[name] for name in (MASK, LESION) if name in session.files}
    return {
        **{key: str(Path(path)) for key, path in files.items()},
        "subject": session.subject,
        "session": session.session,
    }
