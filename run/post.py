"""Send a request to an address that a manager has named: in limited time, to no address but those of the internet, without redirects."""

import socket
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from ..engine.webhook import is_public

#: Seconds to connect, to wait for the next bytes, and in all.
CONNECT_S, READ_S, TOTAL_S = 5, 10, 15


class PrivateAddress(Exception):
    """The host has an address to which nothing is sent."""


class UnknownHost(Exception):
    """The name of the host has no address."""


class _Checked:
    """A connection to one of the addresses that were checked: asked for again, the name could have others."""

    allows_private = False
    opened = None
    end = 0.0  # monotonic time

    def _new_conn(self):
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise UnknownHost from error
        addresses = list(dict.fromkeys((family, address) for family, _type, _protocol, _name, address in found))
        if not self.allows_private and not all(is_public(address[0]) for _family, address in addresses):
            raise PrivateAddress
        error = None
        for family, address in addresses:
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(max(min(CONNECT_S, self.end - time.monotonic()), 0.001))
                connection.connect(address)
            except OSError as failed:
                connection.close()
                error = failed
            else:
                connection.settimeout(READ_S)
                self.opened.append((self, connection))
                return connection
        raise error


def post(url, body, headers, allows_private):
    """POST a body; returns the HTTP status of the answer, whose body is not read.

    The proxies that the environment of the server names are not used: they would resolve the name again.

    :param str url: http or https
    :param bytes body: JSON
    :param dict headers: besides the usual ones
    :param bool allows_private: whether the host may have private addresses
    :rtype: int
    :raises PrivateAddress: the host has an address that is none of the internet
    :raises UnknownHost: the name of the host has no address
    :raises TimeoutError: it took too long
    :raises OSError, HTTPError: the host can't be reached, or does not answer as HTTP
    """
    parts = urlsplit(url)
    is_https = parts.scheme == "https"
    opened = []
    plain = HTTPSConnection if is_https else HTTPConnection
    end = time.monotonic() + TOTAL_S
    kind = type("CheckedConnection", (_Checked, plain), {"allows_private": allows_private, "opened": opened, "end": end})
    timeout = Timeout(connect=CONNECT_S, read=READ_S)
    options = {"timeout": timeout, "retries": False}
    pool = (
        HTTPSConnectionPool(parts.hostname, parts.port or 443, cert_reqs="CERT_REQUIRED", **options)
        if is_https
        else HTTPConnectionPool(parts.hostname, parts.port or 80, **options)
    )
    pool.ConnectionCls = kind
    # each read has its timeout; a receiver that sends a byte now and then has this one
    timer = threading.Timer(TOTAL_S, _shut_down, (opened,))
    timer.daemon = True
    timer.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        response = pool.urlopen(
            "POST",
            path,
            body=body,
            headers={**headers, "Host": parts.netloc, "Content-Type": "application/json"},
            redirect=False,
            retries=False,
            preload_content=False,
            timeout=timeout,
        )
        response.close()
    except (HTTPError, OSError):
        if time.monotonic() < end:
            raise
        raise TimeoutError from None
    finally:
        timer.cancel()
        _shut_down(opened)
        pool.close()
    if time.monotonic() >= end:  # what was read last may be just the end of the connection
        raise TimeoutError
    return response.status


def _shut_down(opened):
    for connection, plain in opened:
        for one in (connection.sock, plain):  # TLS takes the plain one over
            with suppress(OSError, AttributeError):
                one.shutdown(socket.SHUT_RDWR)
            with suppress(OSError, AttributeError):
                one.close()
