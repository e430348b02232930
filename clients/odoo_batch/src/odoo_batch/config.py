"""Where the server is, and who calls: from arguments, the environment, or the `connection.conf` of fluvo and odoo-import-export-client."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from .errors import ConfigError

#: Protocols of `connection.conf` that go over TLS; the others (jsonrpc, xmlrpc, json2) don't.
SECURE = ("jsonrpcs", "xmlrpcs", "json2s", "https")
#: Where the backend begins in an address that was copied from a browser.
BACKEND = re.compile(r"/(odoo|web)([/?#].*)?$")


@dataclass(frozen=True)
class Config:
    """How to reach a server.

    :ivar url: its address, without a slash at the end
    :ivar key: an API key
    :ivar db: the database; None where the server has just one
    """

    url: str
    key: str = field(repr=False)
    db: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What each request says of its caller."""
        headers = {"Authorization": f"Bearer {self.key}"}
        if self.db:
            headers["X-Odoo-Database"] = self.db
        return headers


def find_config(
    url: str | None = None, key: str | None = None, db: str | None = None, environ: Mapping[str, str] | None = None
) -> Config:
    """The configuration from arguments; what is not given is `ODOO_URL`, `ODOO_KEY` and `ODOO_DB` of the environment.

    :raises ConfigError: the address or the key is missing, or can't be used
    """
    environ = os.environ if environ is None else environ
    url = url or environ.get("ODOO_URL")
    key = key or environ.get("ODOO_KEY")
    if not url:
        raise ConfigError("The address of the server is missing: pass url, or set ODOO_URL.")
    if not key:
        raise ConfigError("The API key is missing: pass key, or set ODOO_KEY (in Odoo: My Preferences / Security / Add API Key).")
    return Config(_sound_url(url), _sound_key(key), db or environ.get("ODOO_DB") or None)


def read_config(path: str | os.PathLike[str]) -> Config:
    """The configuration in the section `[Connection]` of a `connection.conf`, as fluvo and odoo-import-export-client have it.

    Read are `hostname`, `port`, `protocol`, `database` and `password`, which has to be an API key of the user: the API takes no other
    password. `login` and `uid` are not needed.

    :raises ConfigError: the file can't be read, or something is missing
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise ConfigError(f"{path} can't be read: {error}") from error
    if not parser.has_section("Connection"):
        raise ConfigError(f"{path} has no section [Connection].")
    section = parser["Connection"]
    host, key = section.get("hostname", "").strip(), section.get("password", "").strip()
    for name, value in (("hostname", host), ("password", key)):
        if not value:
            raise ConfigError(f"{path} names no {name}.")
    secure = section.get("protocol", "jsonrpc").strip().lower() in SECURE
    port = section.get("port", "").strip() or ("443" if secure else "8069")
    usual = "443" if secure else "80"
    url = f"{'https' if secure else 'http'}://{host}{'' if port == usual else f':{port}'}"
    return Config(_sound_url(url), _sound_key(key), section.get("database", "").strip() or None)


def _sound_url(url: str) -> str:
    url = BACKEND.sub("", url.strip()).rstrip("/")
    if "@" in url:  # not shown, as what is before it is likely a password
        raise ConfigError("The address of the server has a user or a password in it (@): leave that out, the API key says who calls.")
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        is_sound = False
    if not is_sound:
        raise ConfigError(f"{url!r} is no address of a server, as https://odoo.example.com is.")
    return url


def _sound_key(key: str) -> str:
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ConfigError("The API key is empty, or has characters that no key has.")
    return key
