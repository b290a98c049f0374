"""Who is served, and who is not."""

from __future__ import annotations

import pytest

from monai_gan.viewer.address import check_address
from monai_gan.viewer.guard import Guard

TOKEN = "0123456789abcdef"


def status(guard: Guard, host: str, origin: str | None = None, token: str | None = None) -> int:
    refusal = guard.refusal(host, origin, token)
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("127.0.0.1:8080", None, 200),
        ("localhost:9000", "http://localhost:9000", 200),
        ("[::1]:8080", None, 200),
        ("evil.example", None, 403),
        ("evil.example:8080", "http://evil.example:8080", 403),
        ("127.0.0.1:8080", "https://evil.example", 403),
        ("127.0.0.1:8080", "http://127.0.0.1:9999", 403),
        ("127.0.0.1:8080", "null", 403),
        ("", None, 403),
    ],
    ids=["plain", "tunnel", "ipv6", "rebound", "rebound-origin", "other-site", "other-port", "sandbox", "no-host"],
)
def test_on_this_computer_only_its_own_page_is_served(host: str, origin: str | None, expected: int) -> None:
    assert status(Guard(check_address("127.0.0.1", 8080)), host, origin) == expected


@pytest.mark.parametrize(
    ("token", "expected"),
    [(TOKEN, 200), (None, 401), ("", 401), (TOKEN + "0", 401), (TOKEN[:-1], 401), ("é" * 16, 401)],
    ids=["right", "none", "empty", "longer", "shorter", "not-ascii"],
)
def test_elsewhere_the_token_decides(token: str | None, expected: int) -> None:
    guard = Guard(check_address("0.0.0.0", 8080, TOKEN))
    assert status(guard, "10.0.0.5:8080", None, token) == expected
    assert status(guard, "10.0.0.5:8080", "http://10.0.0.5:8080", token) == expected


def test_a_token_does_not_help_a_page_of_another_site() -> None:
    guard = Guard(check_address("0.0.0.0", 8080, TOKEN))
    assert status(guard, "10.0.0.5:8080", "http://evil.example", TOKEN) == 403
