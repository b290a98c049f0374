"""Between the page's state and the scene: what happens when a person chooses, opens, runs, compares."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from monai_gan.errors import InputError, MonaiGanError
from monai_gan.viewer import tasks
from monai_gan.viewer.formats import check_images, image_files
from monai_gan.viewer.outcomes import Shown
from monai_gan.viewer.page import build_page, page_server
from monai_gan.viewer.results import keep_files
from monai_gan.viewer.routes import DOWNLOAD
from monai_gan.viewer.runs import Runs
from monai_gan.viewer.stage import Scene, Stage
from monai_gan.viewer.state import CHOICES, LOOKS, initial_state
from monai_gan.viewer.workspace import Workspace


class Controller:
    """The viewer without its address.

    Args:
        workspace: results are kept in it.
        loopback: whether a path on this computer can be typed in; not where others can reach the viewer.
        max_upload: megabytes, for people.

    Attributes:
        server: trame's server, not started.
        downloads: the files of the latest result.
    """

    def __init__(self, workspace: Workspace, *, loopback: bool = True, max_upload: int = 0) -> None:
        self.server = page_server("monai_gan_viewer")
        self.state = self.server.state
        self.state.update(initial_state(loopback, max_upload))
        self.downloads: Sequence[Path] = []
        self._workspace, self._loopback = workspace, loopback
        self._shown: Shown | None = None
        self._runs = Runs(_later, self._job_changed)
        app, layouts = build_page(self.server, self)
        self.stage = Stage(app, layouts)
        self.state.change("task")(lambda **_: self._choose_task())
        self.state.change("bundle")(lambda **_: self._choose_bundle())
        self.state.change("image")(lambda **_: self._choose_image())
        self.state.change(*CHOICES)(lambda **_: self._check())
        self.state.change(*LOOKS)(lambda **_: self._draw())
        self.state.change("threshold")(lambda **_: self._list_regions())
        self._choose_task()
        self._draw()

    def close(self) -> None:
        """End what runs."""
        self._runs.abandon()

    # Images

    def open_files(self, files: Sequence[Path]) -> None:
        """Open files that were checked as one image, and show it.

        Args:
            files: one file, or those of a DICOM series.

        Raises:
            InputError: they cannot be read.
        """
        node = self.stage.open(files)
        self._list_images()
        self.state.image = node.GetID()
        self._choose_image()
        self._check()

    def open_upload(self, files: Sequence[Path]) -> None:
        """As `open_files`, for requests that do not come from the page's own connection."""
        with self.state:
            self.open_files(files)

    def open_path(self) -> None:
        """Open the path that was typed in."""
        self.state.notice = None
        try:
            if not self._loopback:
                raise InputError("Paths are opened only where nobody else can reach the viewer: upload the file.")
            if not self.state.path.strip():
                raise InputError("The path is empty: type that of a file or of the folder of a DICOM series.")
            files = image_files(Path(self.state.path.strip()))
            check_images(files)
            self.open_files(files)
        except InputError as error:
            self.show_error(error)

    def close_image(self) -> None:
        """Take the chosen image out of the scene, and a result that belongs to it off the page."""
        node = self.stage.volume(self.state.image)
        if node is None or self._runs.active:
            return
        if self._shown is not None and (node is self._shown.source or node in self._shown.outcome.volumes):
            self._forget_result()
        self.stage.remove(node)
        self._list_images()
        self.state.image = self.state.images[-1]["value"] if self.state.images else None
        self._choose_image()
        self._check()

    def show_error(self, error: MonaiGanError) -> None:
        """Tell a person what went wrong."""
        with self.state:
            self.state.notice = {"text": str(error), "hint": error.hint}

    # Jobs

    def start(self) -> None:
        """Start the job that was chosen."""
        choices = self._choices()
        self.state.notice = None
        try:
            reason = choices.refusal()
            if reason:
                raise InputError(reason)
            self._runs.start(choices.request, lambda result: self._take_over(result, choices))
        except MonaiGanError as error:
            self.show_error(error)

    def cancel(self) -> None:
        """Cancel the job that runs."""
        self._runs.cancel()

    def _take_over(self, result: dict[str, Any], choices: tasks.Choices) -> None:
        from monai_gan.mrml import import_outcome

        if choices.source is not None and choices.source not in self.stage.volumes():
            raise InputError("The image was closed while the job ran: open it and run the job again.")
        info = tasks.bundle_named(choices.bundle)
        name = choices.source.GetName() if choices.source is not None else ""
        folder = self._workspace.folder("result")
        try:
            kept = keep_files(result, folder, name)
            outcome = import_outcome(self.stage.scene, result, info, source=choices.source)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._forget_files()
        self.downloads = kept
        self._shown = Shown(choices.source, outcome, info.map_threshold, kept)

    def _job_changed(self) -> None:
        with self.state:
            before = self.state.run
            self.state.run = dict(self._runs.status())
            if self.state.run["state"] == "done" and before["state"] != "done":
                self._show_result()
            if self.state.run["state"] == "failed" and before["state"] != "failed":
                self.state.notice = {"text": self.state.run["error"], "hint": self.state.run["hint"]}

    # What is shown

    def show_sample(self, identifier: str) -> None:
        """Show a sample of the gallery in the views.

        Args:
            identifier: ID of its node.
        """
        self.state.sample = identifier
        self.state.mode = "result"
        self.state.page = "views"
        self._draw()

    def _show_result(self) -> None:
        shown = self._shown
        assert shown is not None
        self._list_images()
        self.state.facts = shown.facts
        self.state.modes = shown.modes
        self.state.gallery = shown.gallery
        self.state.sample = shown.outcome.volume.GetID()
        self.state.downloads = [
            {"name": path.name, "url": f"{DOWNLOAD}/{number}", "size": _size(path)}
            for number, path in enumerate(shown.downloads)
        ]
        self.state.span = shown.span
        known = shown.threshold if shown.threshold is not None else 0.5 * shown.span
        self.state.threshold = min(max(known, 0.0), shown.span)
        self.state.mode = shown.best
        self.state.page = "gallery" if shown.gallery else "views"
        self._list_regions()
        self._draw()

    def _forget_result(self) -> None:
        self._shown = None
        self._forget_files()
        self.state.update({"facts": [], "modes": [], "gallery": [], "downloads": [], "regions": [], "sample": ""})
        self.state.update({"mode": "input", "page": "views"})

    def _forget_files(self) -> None:
        if self.downloads:
            shutil.rmtree(self.downloads[0].parent, ignore_errors=True)
        self.downloads = []

    def _draw(self) -> None:
        scene = self._scene()
        self.stage.show(scene)
        self.state.captions = scene.captions
        self.state.flat = scene.flat

    def _scene(self) -> Scene:
        image, shown, mode = self.stage.volume(self.state.image), self._shown, self.state.mode
        if shown is None:
            return Scene(source=image)
        if shown.source is None:
            if mode == "result":
                return Scene("result", None, self.stage.volume(self.state.sample))
            return Scene(source=image)
        if mode == "input" and image is not None:
            return Scene(source=image)
        state = self.state
        return Scene(mode, shown.source, shown.outcome.volume, state.fraction, state.opacity, state.threshold)

    def _list_regions(self) -> None:
        self.state.regions = self._shown.regions(self.state.threshold) if self._shown is not None else []

    # What is chosen

    def _list_images(self) -> None:
        self.state.images = [{"value": node.GetID(), "title": node.GetName()} for node in self.stage.volumes()]

    def _choose_task(self) -> None:
        self.state.bundles = tasks.bundle_entries(self.state.task)
        names = [entry["value"] for entry in self.state.bundles]
        if self.state.bundle not in names:
            self.state.bundle = names[0] if names else ""
        self._choose_bundle()
        self._check()

    def _choose_bundle(self) -> None:
        offers = tasks.offers(self.state.bundle)
        self.state.card = offers["card"]
        self.state.labels, self.state.directions = offers["labels"], offers["directions"]
        if self.state.label not in offers["labels"]:  # without one a synthesis takes all classes in turn
            self.state.label = offers["labels"][0] if offers["labels"] and self.state.task != "synthesis" else ""
        if self.state.direction not in offers["directions"]:
            self.state.direction = ""
        self.state.takes_truncation = offers["truncation"]
        self.state.offers_uncertainty = offers["uncertainty"]

    def _choose_image(self) -> None:
        self.state.mode = "input"
        self.state.page = "views"
        self._draw()

    def _check(self) -> None:
        choices = self._choices()
        self.state.refusal = choices.refusal()
        self.state.cautions = [] if self.state.refusal else choices.cautions()

    def _choices(self) -> tasks.Choices:
        state = self.state
        synthesis = state.task == "synthesis"
        return tasks.Choices(
            task=state.task,
            bundle=state.bundle,
            source=None if synthesis else self.stage.volume(state.image),
            device=state.device,
            seed=max(0, int(state.seed or 0)),
            count=min(64, max(1, int(state.count or 1))),
            truncation=float(state.truncation) if state.takes_truncation else 1.0,
            label=state.label or "",
            direction=state.direction or "",
            strength=float(state.strength or 0),
            uncertainty=bool(state.uncertainty and state.offers_uncertainty),
        )


def _later(seconds: float, call: Callable[[], None]) -> None:
    asyncio.get_event_loop().call_later(seconds, call)


def _size(path: Path) -> str:
    return f"{max(1, round(path.stat().st_size / 1000))} kB"
