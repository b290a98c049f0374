"""Where the viewer listens, and the token that it asks for where others could reach it."""

from __future__ import annotations

import ipaddress
import re
import secrets
from dataclasses import dataclass, field

from monai_gan.errors import InputError

LOOPBACK = "127.0.0.1"
#: Characters that a token must have at least.
SHORTEST = 16

_TOKEN = re.compile(r"[A-Za-z0-9_.~-]+")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class Address:
    """Where the viewer listens.

    Args:
        host: address or name of the interface.
        port: 1 .. 65535, or 0 for a free one.
        token: what a browser has to show; empty for none.
    """

    host: str
    port: int
    token: str = field(default="", repr=False)

    @property
    def loopback(self) -> bool:
        """Whether only programs of this computer can reach it."""
        return is_loopback(self.host)

    def url(self, port: int | None = None) -> str:
        """What a person opens in a browser.

        Args:
            port: the one that was found where 0 was asked for.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = f"?token={self.token}" if self.token else ""
        return f"http://{host}:{self.port if port is None else port}/{query}"


def check_address(host: str = LOOPBACK, port: int = 0, token: str | None = None) -> Address:
    """Check where to listen; an address that others can reach always gets a token.

    Args:
        host: address or name of the interface.
        port: 0 .. 65535; 0 takes a free one.
        token: at least 16 letters, digits and ``-_.~``; by default none on this computer's own address, and a random
            one on any other.

    Raises:
        InputError: an argument cannot be used.
    """
    if not _is_host(host):
        raise InputError(f"host={host!r} is no address: give one such as 127.0.0.1, or 0.0.0.0 for all interfaces.")
    if not 0 <= port <= 65535:
        raise InputError(f"port={port} is no port: give 1 to 65535, or 0 for a free one.")
    if token is None:
        token = "" if is_loopback(host) else secrets.token_urlsafe(24)
    elif len(token) < SHORTEST or not _TOKEN.fullmatch(token):
        raise InputError(
            f"token has {len(token)} characters or others than letters, digits and -_.~: give at least {SHORTEST} of "
            "these, or leave it out for a random one."
        )
    return Address(host, port, token)


def is_loopback(host: str) -> bool:
    """Whether an address or a name, perhaps in brackets, leads to this computer only."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(_NAME.fullmatch(host))
    return True
