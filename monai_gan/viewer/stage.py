"""The scene of the viewer: images that were opened, results, and what the views show of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_gan.errors import InputError
from monai_gan.viewer.layout import ORIENTATIONS, RESULT, THREE_D, arrangement
from monai_gan.viewer.linking import Link, copy_position
from monai_gan.viewer.surface import Surfaces
from monai_gan.viewer.swipe import Curtain

_VOLUME = "vtkMRMLScalarVolumeNode"


@dataclass(frozen=True)
class Scene:
    """What the views show.

    Args:
        mode: "input", "result", "side", "blend", "swipe" or "overlay".
        source: the volume that was worked on; None after a synthesis.
        result: the volume that came out, or a map; None before a run.
        fraction: of "blend" the opacity of the result, of "swipe" the place of the line, 0 .. 1.
        opacity: of "overlay".
        threshold: of "overlay", in the values of the map.
    """

    mode: str = "input"
    source: Any = None
    result: Any = None
    fraction: float = 0.5
    opacity: float = 0.6
    threshold: float = 0.0

    @property
    def main(self) -> Any:
        """The volume that the upper views show first of all."""
        return self.result if self.mode == "result" or self.source is None else self.source

    @property
    def flat(self) -> bool:
        """Whether that volume is a single slice."""
        return self.main is not None and min(self.main.GetImageData().GetDimensions()) == 1

    @property
    def captions(self) -> dict[str, str]:
        """What each view says that it shows; by name of the view."""
        source, result = _name(self.source), _name(self.result)
        upper = {
            "side": source,
            "blend": f"{source} + {result}",
            "swipe": f"{source} | {result}",
            "overlay": f"{source} + {result}",
        }.get(self.mode, _name(self.main))
        return {
            **dict.fromkeys(ORIENTATIONS, upper),
            **{RESULT + name: result for name in ORIENTATIONS},
            THREE_D: _name(self.main),
        }


class Stage:
    """Images, results and views.

    Args:
        app: trame_slicer's SlicerApp.
        layouts: its LayoutManager with the arrangements of `monai_gan.viewer.layout`.
    """

    def __init__(self, app: Any, layouts: Any) -> None:
        self.app = app
        self._layouts = layouts
        self._curtains: dict[str, Curtain] = {}
        self._links: dict[str, Link] = {}
        self._fitted: set[str] = set()
        self._surfaces = Surfaces(app.scene)
        self._main: Any = None

    @property
    def scene(self) -> Any:
        """The vtkMRMLScene."""
        return self.app.scene

    def open(self, files: Sequence[Path], name: str = "") -> Any:
        """Read one image into the scene.

        Args:
            files: a NIfTI or NRRD file, or the files of a DICOM series, which were checked.
            name: for people; default: that of the file.

        Returns:
            The volume node.

        Raises:
            InputError: they cannot be read, or there is not one value per voxel.
        """
        label = name or files[0].name
        try:
            nodes = self.app.io_manager.load_volumes([str(file) for file in files])
        except Exception as error:  # the readers raise all kinds of errors on damaged files
            raise InputError(f"'{label}' cannot be read: it may be damaged; export it again.") from error
        nodes = [node for node in nodes if node.GetImageData() is not None]
        if not nodes:
            raise InputError(f"'{label}' cannot be read: it may be damaged; export it again.")
        chosen = max(nodes, key=lambda node: node.GetImageData().GetNumberOfPoints())
        for node in nodes:
            if node is not chosen:
                self.scene.RemoveNode(node)
        channels = chosen.GetImageData().GetNumberOfScalarComponents()
        if not chosen.IsA(_VOLUME) or chosen.IsA("vtkMRMLVectorVolumeNode") or channels != 1:
            self.scene.RemoveNode(chosen)
            raise InputError(
                f"'{label}' has {channels} values per voxel: choose an image of one frame and one channel."
            )
        if not (len(files) > 1 or files[0].suffix == ".dcm"):  # a series has a description that says more
            chosen.SetName(self.scene.GenerateUniqueName(label.removesuffix(".gz").rpartition(".")[0] or label))
        _set_window(chosen)
        return chosen

    def volumes(self) -> list[Any]:
        """The volume nodes, in the order in which they came."""
        count = self.scene.GetNumberOfNodesByClass(_VOLUME)
        return [self.scene.GetNthNodeByClass(place, _VOLUME) for place in range(count)]

    def volume(self, identifier: str | None) -> Any:
        """The volume node of an ID; None where there is none."""
        return self.scene.GetNodeByID(identifier) if identifier else None

    def remove(self, volume: Any) -> None:
        """Take a volume out of the scene and of all views."""
        self._surfaces.remove(volume)
        if self._main is volume:
            self._main = None
        self.scene.RemoveNode(volume)

    def show(self, wanted: Scene) -> None:
        """Arrange the views.

        Args:
            wanted: what they show; without any volume they are empty.
        """
        main = wanted.main
        name = arrangement(wanted.mode == "side", wanted.flat)
        changed = self._layouts.layout_id != name or main is not self._main
        self._layouts.set_layout(name)
        foreground = wanted.result if wanted.mode in ("blend", "swipe", "overlay") else None
        opacity = wanted.fraction if wanted.mode == "blend" else 0.0
        for tag, view in self._slices("").items():
            self._fit_on_resize(tag, view)
            view.set_background_volume_id(_identifier(main))
            view.set_foreground_volume_id(_identifier(foreground))
            view.set_foreground_opacity(opacity)
            self._draw_curtain(tag, view, wanted)
        if wanted.mode == "overlay":
            from monai_gan.mrml import lay_over

            lay_over(self.scene, wanted.source, wanted.result, wanted.opacity, wanted.threshold)
        if wanted.mode == "side":
            self._show_lower(wanted.result)
        if name == "four":
            self._surfaces.show(main)
        if changed:
            self._reset(main)

    def _show_lower(self, result: Any) -> None:
        upper = self._slices("")
        for tag, view in self._slices(RESULT).items():
            self._fit_on_resize(tag, view)
            view.set_background_volume_id(_identifier(result))
            view.set_foreground_volume_id(None)
            leader = upper[tag.removeprefix(RESULT)]
            if tag not in self._links:
                self._links[tag] = Link(leader, view)
            copy_position(leader, view)

    def _fit_on_resize(self, tag: str, view: Any) -> None:
        """An arrangement gives a view its size only when the page has been laid out, so it is fitted then."""
        import vtk

        if tag not in self._fitted:
            self._fitted.add(tag)
            view.interactor().AddObserver(vtk.vtkCommand.WindowResizeEvent, lambda *_: _fit(view))

    def _draw_curtain(self, tag: str, view: Any, wanted: Scene) -> None:
        if wanted.mode == "swipe":
            if tag not in self._curtains:
                self._curtains[tag] = Curtain(view)
            self._curtains[tag].show(wanted.fraction)
        elif tag in self._curtains:
            self._curtains[tag].hide()

    def _reset(self, main: Any) -> None:
        self._main = main
        if main is not None:
            for view in self.app.view_manager.get_views():
                view.reset_view()

    def _slices(self, prefix: str) -> dict[str, Any]:
        """The slice views that were made so far, by name."""
        names = [prefix + name for name in ORIENTATIONS]
        views = {name: self.app.view_manager.get_view(name) for name in names}
        return {name: view for name, view in views.items() if view is not None}


def _fit(view: Any) -> None:
    """The whole image in a slice view, at the slice that it shows."""
    if view.get_background_volume_id() and not view.is_render_blocked:
        place = view.get_slice_value()
        view.fit_view_to_content()
        view.set_slice_value(place)


def _identifier(volume: Any) -> str | None:
    return None if volume is None else volume.GetID()


def _name(volume: Any) -> str:
    return "" if volume is None else volume.GetName()


def _set_window(volume: Any) -> None:
    """A display node whose window suits CT, where the values are those of CT, and anything else by its histogram."""
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    low, high = volume.GetImageData().GetScalarRange()
    if low < -500 and high > 500:
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(-160, 240)
    else:
        display.AutoWindowLevelOn()
