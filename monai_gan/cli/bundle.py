"""`monai-gan bundle ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monai_gan.cli import console
from monai_gan.cli.options import Bundle, Json, Trust
from monai_gan.errors import InputError, MonaiGanError, WeightsError

app = typer.Typer(
    help="Check and pack bundles.\n\nExample: monai-gan bundle verify chest_xray_wgan_gp", no_args_is_help=True
)


@app.command("verify")
def verify(bundle: Bundle, trust: Trust = False, json: Json = False) -> None:
    """Check a bundle against MONAI's and the model zoo's rules and its own checksums.

    Example: monai-gan bundle verify chest_xray_wgan_gp
    """
    from monai_gan.bundle import find_bundle, verify_bundle

    path = find_bundle(bundle)
    checks = verify_bundle(path, trust=trust)
    if json:
        content = [{"name": check.name, "ok": check.ok, "detail": check.detail} for check in checks]
        console.print_json({"bundle": path.name, "path": str(path), "ok": all(c.ok for c in checks), "checks": content})
    else:
        from rich.markup import escape
        from rich.table import Table

        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for check in checks:
            table.add_row("[green]ok[/]" if check.ok else "[red]fails[/]", check.name, escape(check.detail))
        console.out().print(table)
    failed = [check for check in checks if not check.ok]
    if failed:
        kind: type[MonaiGanError] = WeightsError if any(check.unsafe for check in failed) else InputError
        names = ", ".join(check.name for check in failed)
        raise kind(f"Bundle {path.name!r} fails {len(failed)} of {len(checks)} checks: {names}.")


@app.command("pack")
def pack(
    bundle: Bundle,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the zip; made when missing.")] = Path(),
    json: Json = False,
) -> None:
    """Pack a bundle into <name>_v<version>.zip; the same bundle gives the same bytes.

    Example: monai-gan bundle pack chest_xray_wgan_gp -o release
    """
    from monai_gan.bundle import find_bundle, pack_bundle

    packed = pack_bundle(find_bundle(bundle), output)
    if json:
        console.print_json({"file": str(packed.resolve())})
    else:
        console.print_line(f"Packed: {packed}")
