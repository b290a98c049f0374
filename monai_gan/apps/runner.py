"""One job described by a JSON document, told in events: what the desktop, the web and batch scripts run.

Events are dicts with the key ``event``: ``state`` (starting, running, then one of done, failed, cancelled),
``progress``, ``message``, ``warning``, ``error`` and ``result``. The last event is always the final state.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monai_gan.apps.jobs import CancelCheck, Progress
from monai_gan.apps.memory import memory_error
from monai_gan.apps.notices import own_warnings
from monai_gan.apps.request import check_request
from monai_gan.errors import Cancelled, MonaiGanError

Emit = Callable[[dict[str, Any]], None]

_logger = logging.getLogger(__name__)


def run_request(request: object, emit: Emit, cancel: CancelCheck | None = None) -> int:
    """Do one job; errors become events, never exceptions, so that every face ends in a known state.

    Args:
        request: the JSON document, see ``request_schema.json``.
        emit: told each event in order; always from this thread.
        cancel: asked between steps; the request's ``cancel_file`` is looked at too.

    Returns:
        The exit code: 0 done, 40 cancelled, else that of the error.
    """
    emit({"event": "state", "state": "starting"})
    try:
        checked = check_request(request)
        stop = _stopper(checked["cancel_file"], cancel)
        with own_warnings(lambda text: emit({"event": "warning", "text": text})):
            result = _TASKS[checked["task"]](checked, emit, stop)
    except (Cancelled, KeyboardInterrupt) as error:
        emit({"event": "message", "text": str(error) or "Cancelled."})
        emit({"event": "state", "state": "cancelled"})
        return Cancelled.exit_code
    except Exception as error:
        _logger.debug("The job failed.", exc_info=True)
        code, text, hint = describe_error(error)
        emit({"event": "error", "code": code, "text": text, "hint": hint})
        emit({"event": "state", "state": "failed"})
        return code
    emit(result)
    emit({"event": "state", "state": "done"})
    return 0


def describe_error(error: BaseException) -> tuple[int, str, str]:
    """Exit code, sentence and hint of any exception.

    Args:
        error: what was raised.

    Returns:
        (exit code, one sentence, hint); the code is 1 and the hint names ``--debug`` for what nobody foresaw.
    """
    known = error if isinstance(error, MonaiGanError) else memory_error(error)
    if known is not None:
        return known.exit_code, str(known), known.hint
    text = " ".join(str(error).split())
    sentence = f"Unexpected {type(error).__name__}: {text}" if text else f"Unexpected {type(error).__name__}."
    return 1, sentence, "Run again with --debug for the traceback."


def _synthesis(request: dict[str, Any], emit: Emit, cancel: CancelCheck) -> dict[str, Any]:
    from monai_gan.apps.synthesize import synthesize

    info = _running(request, emit)
    choices = ("label", "truncation", "direction", "strength")
    names = ("seed", "format", *choices, "device", "batch_size", "trust", "grid", "traversal")
    files = synthesize(
        info.path,
        request["n"],
        request["output"],
        **{name: request[name] for name in names},
        progress=_progress_events(emit),
        cancel=cancel,
    )
    return _result(request, info, [str(file.resolve()) for file in files])


def _conversion(request: dict[str, Any], emit: Emit, cancel: CancelCheck) -> dict[str, Any]:
    from monai_gan.apps import volumes
    from monai_gan.data.provenance import read_provenance

    info = _running(request, emit)
    convert = volumes.translate if request["task"] == "translation" else volumes.enhance
    names = ("format", "label", "uncertainty", "device", "batch_size", "trust")
    files = convert(
        info.path,
        request["input"],
        request["output"],
        **{name: request[name] for name in names},
        progress=_progress_events(emit),
        cancel=cancel,
    )
    written = read_provenance(files[0])
    result = _result(request, info, [str(file.resolve()) for file in files])
    return result | {"report": written.extra["report"] if written is not None else {}}


def _detection(request: dict[str, Any], emit: Emit, cancel: CancelCheck) -> dict[str, Any]:
    from monai_gan.apps.detect import detect

    info = _running(request, emit)
    files = detect(
        info.path,
        request["input"],
        request["output"],
        **{name: request[name] for name in ("rate", "device", "batch_size", "trust")},
        progress=_progress_events(emit),
        cancel=cancel,
    )
    result = _result(request, info, [str(file.resolve()) for file in files])
    return result | {"images": json.loads(files[0].read_text(encoding="utf-8"))["images"]}


def _training(request: dict[str, Any], emit: Emit, cancel: CancelCheck) -> dict[str, Any]:
    from monai_gan.apps.train import train

    info = _running(request, emit)
    trained = train(
        info.path,
        request["output"],
        request["overrides"],
        device=request["device"],
        trust=request["trust"],
        progress=_progress_events(emit),
        cancel=cancel,
    )
    return _result(request, info, [str(Path(trained).resolve())])


def _evaluation(request: dict[str, Any], emit: Emit, cancel: CancelCheck) -> dict[str, Any]:
    from monai_gan.apps.evaluate import evaluate

    info = _running(request, emit)
    names = ("real", "train", "n", "seed", "memorisation", "device", "trust")
    files = evaluate(
        info.path,
        request["output"],
        **{name: request[name] for name in names},
        progress=_progress_events(emit),
        cancel=cancel,
    )
    return _result(request, info, [str(file.resolve()) for file in files])


_TASKS: dict[str, Callable[[dict[str, Any], Emit, CancelCheck], dict[str, Any]]] = {
    "synthesis": _synthesis,
    "translation": _conversion,
    "enhancement": _conversion,
    "anomaly_detection": _detection,
    "training": _training,
    "evaluation": _evaluation,
}


def _running(request: dict[str, Any], emit: Emit) -> Any:
    """Find the bundle, then say that the job runs and where."""
    from monai_gan.apps.device import resolve_device
    from monai_gan.bundle import BundleInfo, find_bundle

    info = BundleInfo.from_path(find_bundle(request["bundle"]))
    device = resolve_device(request["device"])
    emit({"event": "state", "state": "running"})
    emit({"event": "message", "text": f"{info.name} {info.version} on {device}"})
    return info


def _result(request: dict[str, Any], info: Any, files: list[str]) -> dict[str, Any]:
    from monai_gan import __version__

    bundle = {"name": info.name, "version": info.version, "checksum": info.weights_sha256}
    return {"event": "result", "files": files, "bundle": bundle, "request": request, "monai_gan": __version__}


def _progress_events(emit: Emit) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        emit(
            {
                "event": "progress",
                "fraction": progress.fraction,
                "phase": progress.phase,
                "message": progress.message,
                "seconds_left": progress.seconds_left,
            }
        )

    return report


def _stopper(cancel_file: str | None, cancel: CancelCheck | None) -> CancelCheck:
    path = Path(cancel_file) if cancel_file else None
    # A file that is there from the start counts: a person may cancel before the job has come this far.
    return lambda: (cancel is not None and cancel()) or (path is not None and path.exists())
