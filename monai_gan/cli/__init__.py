"""The command line, thin over `monai_gan.apps`.

Importing it loads neither torch nor MONAI; each command imports what it needs when it runs.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `monai-gan`.

    Args:
        arguments: the words after the program's name; by default those of this process.

    Returns:
        The exit code: 0 done, 2 wrong argument or input, 10 weights, 20 GPU memory, 21 memory, 30 invalid result,
        40 cancelled, 1 anything else.
    """
    from monai_gan.cli.program import run

    return run(arguments)
