"""Where the viewer listens, and when it asks for a token."""

from __future__ import annotations

import pytest

from monai_gan.errors import InputError
from monai_gan.viewer import check_address


@pytest.mark.parametrize("host", ["127.0.0.1", "127.5.0.1", "localhost", "::1"])
def test_this_computer_needs_no_token(host: str) -> None:
    address = check_address(host, 8080)
    assert address.loopback
    assert address.token == ""
    assert "token" not in address.url()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "workstation.example.org"])
def test_what_others_can_reach_always_has_a_token(host: str) -> None:
    first, second = check_address(host), check_address(host)
    assert not first.loopback
    assert len(first.token) >= 24
    assert first.token != second.token
    assert first.url(81).endswith(f":81/?token={first.token}")
    assert first.token not in repr(first)


def test_a_token_of_ones_own_counts_everywhere() -> None:
    assert check_address("127.0.0.1", 1, "a" * 16).url() == "http://127.0.0.1:1/?token=" + "a" * 16
    assert check_address("::1", 80).url() == "http://[::1]:80/"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"host": ""}, "host='' is no address"),
        ({"host": "http://x"}, "is no address"),
        ({"port": 70000}, "port=70000 is no port"),
        ({"port": -1}, "port=-1"),
        ({"host": "0.0.0.0", "token": ""}, "token has 0 characters"),
        ({"token": "short"}, "token has 5 characters"),
        ({"token": "a space in the token"}, "letters, digits"),
    ],
    ids=["no-host", "url", "large-port", "negative-port", "empty-token", "short-token", "space"],
)
def test_what_is_refused(words: dict, text: str) -> None:
    with pytest.raises(InputError, match=text):
        check_address(**words)
