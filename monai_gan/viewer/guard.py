"""Who may talk to the viewer: its own page, and where others can reach it only who has the token.

A page of another site that is open in the same browser could send requests to this computer too. Its requests name
that site as their origin, or, after a trick with its name's address, as their host; both are refused.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from monai_gan.viewer.address import Address, is_loopback

#: Nothing of another site is loaded, nothing is sent to one, and no other page can frame this one. The page is compiled
#: in the browser, which needs 'unsafe-eval'.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'; form-action 'none'; "
        "base-uri 'self'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Refusal:
    """Why a request is not served.

    Args:
        status: of HTTP.
        text: one sentence.
    """

    status: int
    text: str


@dataclass(frozen=True)
class Guard:
    """Judges requests.

    Args:
        address: where the viewer listens.
    """

    address: Address

    @property
    def cookie(self) -> str:
        """Name of the cookie that keeps the token; browsers share cookies among the ports of a host."""
        return f"monai_gan_viewer_{self.address.port}"

    def refusal(self, host: str, origin: str | None, token: str | None) -> Refusal | None:
        """Why a request is refused; None when it is served.

        Args:
            host: its header Host.
            origin: its header Origin, if there is one.
            token: from its query or its cookie.
        """
        if self.address.loopback and not is_loopback(_name(host)):
            return Refusal(403, f"The host {host!r} is not this computer: open the address that the viewer printed.")
        if origin is not None and urlsplit(origin).netloc != host:
            return Refusal(403, f"A page of {origin!r} must not use the viewer: open the viewer's own page.")
        if self.address.token and not self.knows(token):
            return Refusal(401, "The token is missing or wrong: open the address that the viewer printed.")
        return None

    def knows(self, token: str | None) -> bool:
        """Whether this is the token; takes as long for a wrong one."""
        return hmac.compare_digest((token or "").encode(), self.address.token.encode())


def _name(host: str) -> str:
    """A header Host without its port."""
    return urlsplit(f"//{host}").hostname or ""
