"""The program as a whole: its commands, and how an error becomes one sentence and an exit code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monai_gan.cli import (
    bundle,
    console,
    demo,
    detect,
    doctor,
    evaluate,
    info,
    listing,
    provenance,
    run_job,
    synthesize,
    train,
    view,
    volumes,
)
from monai_gan.errors import Cancelled

HELP = """Generative adversarial networks for medical images: synthesize, translate, enhance, detect, train, pack.

Example: monai-gan synthesize chest_xray_wgan_gp -n 16 --seed 0 -o out
"""


class _Group(TyperGroup):
    """Lets Ctrl-C reach `run` as `Cancelled`, where typer would end with a code of its own."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Cancelled("Stopped by Ctrl-C.") from None


app = typer.Typer(
    name="monai-gan",
    cls=_Group,
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("doctor")(doctor.doctor)
app.command("list")(listing.list_command)
app.command("info")(info.info)
app.command("synthesize")(synthesize.synthesize)
app.command("translate")(volumes.translate)
app.command("enhance")(volumes.enhance)
app.command("detect")(detect.detect)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("provenance")(provenance.provenance)
app.add_typer(bundle.app, name="bundle")
app.command("view")(view.view)
app.command("run")(run_job.run)
app.command("demo")(demo.demo)


def _print_version(wanted: bool) -> None:
    if wanted:
        from monai_gan import __version__

        console.print_line(f"monai-gan {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error and debug messages.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options that come before any command; `run` has taken care of --debug already."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Parse the words, run the command and turn whatever happens into an exit code.

    Args:
        arguments: the words after the program's name; by default those of this process.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    words, debug = _take_debug(words)
    if debug:
        logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
        logging.getLogger("monai_gan").setLevel(logging.DEBUG)
    try:
        typer.main.get_command(app).main(args=words, prog_name="monai-gan")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return console.report_error(Cancelled("Stopped by Ctrl-C."), debug=debug)
    except Exception as error:
        return console.report_error(error, debug=debug)
    return 0


def _take_debug(words: list[str]) -> tuple[list[str], bool]:
    """Accept --debug before and after the command."""
    end = words.index("--") if "--" in words else len(words)
    return [word for word in words[:end] if word != "--debug"] + words[end:], "--debug" in words[:end]
