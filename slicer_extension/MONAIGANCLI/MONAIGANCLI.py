#!/usr/bin/env python-real
"""One job of monai-gan behind Slicer's execution model: words in, progress and files out."""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

TITLE = "MONAI GAN"
#: Endings of the files that hold a volume.
VOLUMES = (".nrrd", ".nii.gz", ".nii")
_PREFIX = "monai_gan_cli_"


def parser():
    """The words of MONAIGANCLI.xml; each has the name of a field of the runner's request."""
    words = argparse.ArgumentParser(prog="MONAIGANCLI", description=__doc__, allow_abbrev=False)
    words.add_argument("--task", default="translation")
    words.add_argument("--bundle", default="brain_t1_to_t2_pix2pix")
    words.add_argument("--input")
    words.add_argument("--output")
    words.add_argument("--uncertainty")
    words.add_argument("--device", default="auto")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--truncation", type=float, default=1.0)
    words.add_argument("--label", default="")
    words.add_argument("--batch_size", type=int, default=0)
    words.add_argument("--trust", action="store_true")
    return words


def build_request(words, fields, folder):
    """The runner's request, with what the task knows of the given words.

    :param words: what `parser` gave
    :param fields: the fields that a request of this task may have
    :param folder: an existing private folder
    """
    given = {
        "task": words.task,
        "bundle": words.bundle,
        "input": words.input,
        "output": str(Path(folder) / "output"),
        "format": "nrrd",
        "device": words.device,
        "seed": words.seed,
        "truncation": words.truncation,
        "label": words.label or None,
        "batch_size": words.batch_size or None,
        "uncertainty": bool(words.uncertainty),
        "trust": words.trust,
    }
    request = {name: value for name, value in given.items() if name in fields and value is not None}
    if fields.get("input", {}).get("type") == "array" and "input" in request:
        request["input"] = [request["input"]]
    return request


def run(words):
    """Do the job and put its files where they were asked for; gives the exit code."""
    try:
        from monai_gan.apps import run_request
        from monai_gan.apps.request import task_fields
        from monai_gan.errors import MonaiGanError
    except ImportError as error:
        return complain(1, f"monai-gan is not installed ({error}): open the module {TITLE} and press Install.")
    if not words.output:
        return complain(2, "Choose an output volume.")
    try:
        fields = task_fields(words.task)
    except MonaiGanError as error:
        return complain(error.exit_code, str(error))
    if "input" in fields and not words.input:
        return complain(2, "Choose an input volume.")
    for name in ("output", "uncertainty"):
        if (path := getattr(words, name)) and not path.lower().endswith(VOLUMES):
            return complain(2, f"{name}='{path}' has another ending than {', '.join(VOLUMES)}.")
    remove_leftovers(Path(tempfile.gettempdir()))
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}_")
    files = []
    try:
        request = build_request(words, fields, folder)
        code = run_request(request, lambda event: tell(event, files))
        if code:
            return code
        volumes = [file for file in files if file.lower().endswith(VOLUMES)]
        for name, file in zip((words.output, words.uncertainty), volumes, strict=False):
            if name:
                deliver(Path(file), Path(name))
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tell(event, files):
    """Pass an event on in the words that Slicer listens for."""
    kind = event["event"]
    if kind == "state" and event["state"] == "starting":
        write(
            f"<filter-start><filter-name>{TITLE}</filter-name><filter-comment>Starting</filter-comment></filter-start>"
        )
    elif kind == "progress":
        write(f"<filter-progress>{event['fraction']:.3f}</filter-progress>")
        if event["message"]:
            write(f"<filter-comment>{escape(event['message'])}</filter-comment>")
    elif kind == "warning":
        sys.stderr.write(f"Warning: {event['text']}\n")
    elif kind == "error":
        complain(event["code"], " ".join(part for part in (event["text"], event["hint"]) if part))
    elif kind == "result":
        files.extend(event["files"])
    elif kind == "state":
        write(f"<filter-end><filter-name>{TITLE}</filter-name><filter-time>0</filter-time></filter-end>")


def deliver(file, target):
    """Put a result where it was asked for, all at once; another format than the result's own is converted."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{os.getpid()}_{target.name}")
    try:
        if file.name.lower().endswith(".nrrd") == target.name.lower().endswith(".nrrd"):
            shutil.copyfile(file, beside)
        else:
            from monai_gan.data import read_image, read_provenance, write_image

            write_image(beside, read_image(file), provenance=read_provenance(file))
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
        beside.with_name(beside.name.partition(".nii")[0].removesuffix(".nrrd") + ".json").unlink(missing_ok=True)


def remove_leftovers(root):
    """Remove the folders of runs that were killed: that is how Slicer cancels a module of this kind."""
    import psutil

    for folder in root.glob(f"{_PREFIX}*"):
        number = folder.name[len(_PREFIX) :].partition("_")[0]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def complain(code, text):
    """Say what is wrong where Slicer shows it."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
    return code


def write(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


if __name__ == "__main__":
    sys.exit(run(parser().parse_args()))
