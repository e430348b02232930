"""How a job is named: by its number, its uuid, or the address that the browser shows."""

from __future__ import annotations

import ipaddress
import re

import httpx

from .errors import UsageError

USUAL_PORTS = {"http": 80, "https": 443}
#: A job in the path of an address; behind it may be what was opened from its form.
IN_PATH = re.compile(r"/batch-jobs/(\d+)(?=/|$)")


def job_name(text: str, server: str) -> int | str:
    """The number or the uuid of a job.

    :param text: one of these, or the address of the job
    :param server: the address of the server that will be asked
    :raises UsageError: it is none of these, or the address of another server
    """
    name = text.strip().partition("?")[0].rstrip("/")
    if "/" in name:
        name = _in_address(text.strip(), server)
    if not name:
        raise UsageError(f"A number, uuid or address of a job is expected, not {text!r}.")
    return int(name) if name.isdecimal() else name


def _in_address(text: str, server: str) -> str:
    """What names the job in an address; nothing where it is no address."""
    ours = httpx.URL(server)
    try:
        theirs = httpx.URL(_whole(text, ours))
    except httpx.InvalidURL:
        return ""
    if theirs.scheme not in ("http", "https") or not theirs.host:
        return ""
    if _origin(theirs) != _origin(ours):
        only = ": only http and https differ" if _host(theirs) == _host(ours) and _port(theirs) == _port(ours) else ""
        raise UsageError(
            f"The job is of {_shown(theirs)}, the command of {_shown(ours)}{only}. Name the server of the job by --url, or the job by its number."
        )
    path = theirs.path.rstrip("/")
    found: list[str] = IN_PATH.findall(path)
    return found[-1] if found else path.rpartition("/")[2]


def _whole(text: str, ours: httpx.URL) -> str:
    """An address with scheme and host; what it leaves out is that of the server."""
    if "://" in text.partition("?")[0]:
        return text
    if text.startswith("//"):
        return f"{ours.scheme}:{text}"
    return f"{_shown(ours)}{text}" if text.startswith("/") else f"{ours.scheme}://{text}"


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, _host(url), _port(url)


def _port(url: httpx.URL) -> int | None:
    """The port; None where it is the usual one."""
    return None if url.port == USUAL_PORTS.get(url.scheme) else url.port


def _host(url: httpx.URL) -> str:
    host = url.raw_host.decode("ascii").rstrip(".")
    return str(ipaddress.IPv6Address(host)) if ":" in host else host


def _shown(url: httpx.URL) -> str:
    """Scheme, host and port: what comes before the host may be a password."""
    host = f"[{_host(url)}]" if ":" in _host(url) else url.host
    return f"{url.scheme}://{host}{f':{_port(url)}' if _port(url) else ''}"
