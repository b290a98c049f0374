"""Start the viewer, and tidy up after it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from monai_gan.errors import InputError, require
from monai_gan.viewer.address import Address
from monai_gan.viewer.formats import check_images, image_files
from monai_gan.viewer.guard import Guard
from monai_gan.viewer.routes import Routes
from monai_gan.viewer.uploads import MEGABYTES
from monai_gan.viewer.workspace import Workspace

EXTRA = "viewer"


def serve(
    address: Address,
    file: Path | str | None = None,
    *,
    max_upload: int = MEGABYTES,
    ready: Callable[[str], None] | None = None,
    open_browser: bool = False,
) -> None:
    """Serve the viewer until Ctrl-C.

    Args:
        address: where to listen, see `check_address`.
        file: an image to open at once: NIfTI, NRRD, a DICOM file or the folder of a DICOM series.
        max_upload: megabytes of one upload, all files together; at least 1.
        ready: told the address for a browser once the viewer can be reached.
        open_browser: open it in this computer's browser.

    Raises:
        InputError: the file cannot be opened, ``max_upload`` is below 1, or the address cannot be used.
        MissingExtraError: the packages of the extra ``viewer`` are not installed.
    """
    if max_upload < 1:
        raise InputError(f"max_upload={max_upload} is too small: give megabytes, at least 1.")
    files = [] if file is None else image_files(Path(file))
    if files:
        check_images(files)
    _check_port(address)
    for module in ("trame", "slicer", "trame_slicer"):
        require(module, EXTRA)
    _choose_renderer()
    _quieten()
    from monai_gan.viewer.controller import Controller

    os.environ["TRAME_ARGS"] = "--server"  # the words of this program are not trame's
    os.environ["WSLINK_READY_MSG"] = ""
    with Workspace() as workspace:
        controller = Controller(workspace, loopback=address.loopback, max_upload=max_upload)
        routes = Routes(
            Guard(address),
            workspace,
            max_upload * 10**6,
            opened=controller.open_upload,
            refused=controller.show_error,
            downloads=lambda: controller.downloads,
        )
        controller.server.controller.on_server_bind.add(lambda bound: routes.attach(bound.app))
        controller.server.controller.on_server_ready.add(
            lambda **_: _announce(address.url(controller.server.port), ready, open_browser)
        )
        if files:
            controller.open_files(files)
        try:
            controller.server.start(
                port=address.port,
                host=address.host,
                open_browser=False,
                show_connection_info=False,
                disable_logging=True,
                timeout=0,
            )
        finally:
            controller.close()


def _announce(url: str, ready: Callable[[str], None] | None, open_browser: bool) -> None:
    if ready is not None:
        ready(url)
    if open_browser:
        import webbrowser

        asyncio.get_event_loop().run_in_executor(None, webbrowser.open, url)


def _check_port(address: Address) -> None:
    """Refuse a place that is taken, before anything slow is done."""
    import socket

    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise InputError(
                f"host={address.host!r}, port={address.port} cannot be used ({error.strerror or error}): give another "
                "--port, or an address of this computer as --host."
            ) from error


def _choose_renderer() -> None:
    """Draw without a screen where there is none; VTK would look for one first and complain."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")


def _quieten() -> None:
    """Keep VTK's warnings, which are for developers, from the terminal unless they are asked for."""
    if not logging.getLogger("monai_gan").isEnabledFor(logging.DEBUG):
        import vtk

        vtk.vtkObject.GlobalWarningDisplayOff()
        vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
