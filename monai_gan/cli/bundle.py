"""`monai-gan bundle ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.request import url2pathname

import typer

from monai_gan.cli import console
from monai_gan.cli.options import Bundle, Json, Trust
from monai_gan.errors import Cancelled, InputError, MonaiGanError, WeightsError

app = typer.Typer(
    help="Check, pack, download and push bundles.\n\nExample: monai-gan bundle verify chest_xray_wgan_gp",
    no_args_is_help=True,
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
    from monai_gan.bundle.files import sha256_of

    packed = pack_bundle(find_bundle(bundle), output)
    if json:
        size, sha256 = packed.stat().st_size, sha256_of(packed)
        console.print_json({"file": str(packed.resolve()), "sha256": sha256, "bytes": size})
    else:
        console.print_line(f"Packed: {packed}")


@app.command("download")
def download(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a bundle, as the source's index has it.")],
    source: Annotated[
        str, typer.Option("--source", help="Folder, or address with file://, http:// or https://, that has an index.")
    ],
    version: Annotated[str | None, typer.Option("--version", help="Version; the highest by default.")] = None,
    json: Json = False,
) -> None:
    """Download a bundle into the cache folder; the same command goes on after an interruption.

    Size and checksum come from the index of the source. Afterwards the bundle is found by its name.

    Example: monai-gan bundle download chest_xray_dcgan --source https://example.org/bundles
    """
    from monai_gan.apps.jobs import Progress
    from monai_gan.bundle import BundleInfo, download_bundle, find_bundle

    with console.progress_bar(f"Downloading {name}") as show:
        try:
            root = download_bundle(
                name, source, version, progress=lambda done, total: show(Progress(done / total, "downloading"))
            )
        except KeyboardInterrupt:
            raise Cancelled("Stopped by Ctrl-C.", "Run the same command again to go on.") from None
    info = BundleInfo.from_path(root)
    if json:
        console.print_json({"name": info.name, "version": info.version, "path": str(root)})
    else:
        console.print_line(f"Downloaded: {info.name} {info.version}, {root}")
    if (first := find_bundle(name)) != root:
        console.err().print(
            f"The name {name} still means {first}, which is found first: give the path.", soft_wrap=True
        )


@app.command("push")
def push(
    bundle: Bundle,
    to: Annotated[str, typer.Option("--to", help="Folder with an index, made when missing, or hf://OWNER/NAME.")],
    public: Annotated[bool, typer.Option("--public", help="Make a new repository of the hub public.")] = False,
    json: Json = False,
) -> None:
    """Offer a bundle for download: in a folder with an index, or in a repository of a hub.

    Any web server can serve the folder. The hub needs the extra: pip install 'monai-gan[hub]'.

    Example: monai-gan bundle push chest_xray_dcgan --to /srv/bundles
    """
    from monai_gan.bundle import find_bundle, push_bundle, push_to_hub

    path = find_bundle(bundle)
    scheme, _, rest = to.rpartition("://")
    if scheme == "hf":
        result: dict[str, Any] = {"url": push_to_hub(path, rest, private=not public)}
    elif scheme in ("", "file"):
        release = push_bundle(path, url2pathname(rest) if scheme else to)
        result = {"file": release.file, "sha256": release.sha256, "bytes": release.bytes}
    else:
        raise InputError(f"to='{to}' cannot be pushed to: give the folder that the server serves, or hf://OWNER/NAME.")
    if json:
        console.print_json(result)
    else:
        console.print_line(f"Pushed: {path.name} to {to}")
