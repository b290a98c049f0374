"""`monai-gan doctor`."""

from __future__ import annotations

from typing import Any

from monai_gan.cli import console
from monai_gan.cli.options import Json


def doctor(json: Json = False) -> None:
    """Show versions, devices, which backend serves each operation and why, bundles and folders.

    Example: monai-gan doctor
    """
    from monai_gan.apps.doctor import diagnose

    report = diagnose()
    if json:
        console.print_json(report)
    else:
        _print(report)


def _print(report: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    rows = [
        ("monai-gan", f"{report['monai_gan']} (Python {report['python']}, {report['platform']})"),
        *((name, found or "not installed") for name, found in report["packages"].items()),
        *((f"device {name}", text) for name, text in report["devices"].items()),
        ("device auto", f"{report['default_device']} ({report['cpu_threads']} CPU threads)"),
        *((f"operation {name}", f"{one['backend']}: {one['reason']}") for name, one in report["operations"].items()),
        *((f"bundle {one['name']}", f"{one['version']}, {one['path']}") for one in report["bundles"]),
        *((f"{key} folder", f"{report[key]['path'] or '-'}: {report[key]['note']}") for key in ("data", "cache")),
    ]
    for name, text in rows:
        table.add_row(escape(name), escape(str(text)))
    screen = console.out()
    screen.print(table)
    for problem in report["problems"]:
        screen.print(f"[yellow]To mend:[/] {escape(problem)}")
