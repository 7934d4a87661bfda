"""Requests leave for configured hosts only. Which base addresses are accepted is told in `test_settings`."""

from __future__ import annotations

import httpx
import pytest

from lead_pipeline.transport.egress import AllowedHosts, HostNotAllowedError


@pytest.mark.parametrize("url", ["https://dievio.com/api/x", "https://dievio.com:443/y", "http://127.0.0.1:8701/z"])
def test_a_configured_host_is_let_through(url: str) -> None:
    AllowedHosts("https://dievio.com", "http://127.0.0.1:8701")(httpx.Request("POST", url))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/api",
        "http://dievio.com/api",
        "https://dievio.com:8443/api",
        "https://dievio.com.evil.example/api",
        "https://dievio.com@evil.example/api",
        "https://api.dievio.com/api",
        "http://127.0.0.1:1/api",
        "http://169.254.169.254/latest",
    ],
)
def test_any_other_host_scheme_or_port_is_refused(url: str) -> None:
    with pytest.raises(HostNotAllowedError, match="not on the list of allowed hosts"):
        AllowedHosts("https://dievio.com", "http://127.0.0.1:8701")(httpx.Request("POST", url))
