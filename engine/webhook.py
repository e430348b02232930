"""Webhooks: what a request looks like, which one is made next, when it is made again, and which addresses it may go to.

The signature is that of Standard Webhooks (https://www.standardwebhooks.com), which their libraries verify.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

PREFIX = "whsec_"
#: System parameter: whether requests may go to addresses that are not of the internet.
PRIVATE_ADDRESSES = "batch_executor.webhook_private_addresses"
#: Least and most bytes of a secret, as Standard Webhooks has them; and those of one that is made here.
LEAST_BYTES, MOST_BYTES, NEW_BYTES = 24, 64, 32
MAX_URL = 2_000
#: Seconds between two tries: a day in all.
WAITS_S = (5, 55, 240, 900, 2_400, 3_600, 7_200, *(14_400,) * 5)
#: Most requests on their way at once, and most of one webhook.
AT_ONCE, OF_ONE = 16, 4
#: Likewise of webhooks that hang, so that there is room for the others, however many hang.
HANGING_AT_ONCE, HANGING_OF_ONE = 8, 1
#: What is said of a try that took too long; seconds after which a webhook counts as one that hangs, even though it has answered.
NO_ANSWER = "No answer in time."
HANGS_S = 5
#: The receiver wants no more of it.
GONE = 410
#: Addresses in which others are embedded, which routers may unpack.
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def new_secret() -> str:
    """A secret for signatures, at random."""
    return PREFIX + base64.b64encode(os.urandom(NEW_BYTES)).decode()


def keys_of(secrets: str) -> list[bytes]:
    """The keys of secrets that are separated by blanks: while a secret is changed, both are valid.

    :raises ValueError: there is none, or one is not base64 of 24 to 64 bytes
    """
    keys = []
    for secret in secrets.split():
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error as error:
            raise ValueError(f"no base64: {error}") from None
        if not LEAST_BYTES <= len(key) <= MOST_BYTES:
            raise ValueError(f"{len(key)} bytes")
        keys.append(key)
    if not keys:
        raise ValueError("no secret")
    return keys


def headers(secrets: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that identify and sign a request.

    :param secrets: see `keys_of`
    :param timestamp: seconds since 1970
    """
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    signatures = (base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys_of(secrets))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def is_url(url: str) -> bool:
    """Whether requests can be sent to this address: http or https, with a host, and without a password."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is none
        (parts.hostname or "").encode("idna")  # raises for a name with an empty or a long part
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url and len(url) <= MAX_URL
    return is_plain and parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: not private, of this machine, of its link, or of many machines."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 6:
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner:
            return is_public(str(inner))
    is_special = ip.is_multicast or ip.is_reserved or ip.is_unspecified or (ip.version == 6 and ip.is_site_local)
    return ip.is_global and not is_special


def is_plainly_private(url: str) -> bool:
    """Whether an address says by itself that its host is none of the internet: by a number, or as this machine. No name is looked up."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not is_public(host)
    except ValueError:  # a name
        return False


def next_to_send(hooks: Iterable[dict], flying: Iterable[dict]) -> list[int]:
    """The ids of the deliveries that are sent next.

    The first one of each webhook comes before the second ones; among these, that of the webhook which was tried longest ago.

    :param hooks: webhooks with `due` (ids of deliveries, in their order), `last_try` (an id, or None) and `hangs`: whether the last answer came late, or not at all
    :param flying: the deliveries on their way, each with its `webhook_id`, and `hangs` as it was when it was taken
    """
    flying = list(flying)
    busy = Counter(one["webhook_id"] for one in flying)
    room, hanging_room = AT_ONCE - len(flying), HANGING_AT_ONCE - sum(one["hangs"] for one in flying)
    places = sorted(
        (place, hook["last_try"] or 0, delivery_id, hook["hangs"])
        for hook in hooks
        for place, delivery_id in enumerate(hook["due"], busy[hook["id"]])
        if place < (HANGING_OF_ONE if hook["hangs"] else OF_ONE)
    )
    chosen: list[int] = []
    for _place, _last_try, delivery_id, hangs in places:
        if len(chosen) < room and (hanging_room > 0 or not hangs):
            chosen.append(delivery_id)
            hanging_room -= hangs
    return chosen


def wait_s(tries: int) -> int | None:
    """Seconds after which a request that was made so many times is made again; None: no more."""
    return WAITS_S[tries - 1] if tries <= len(WAITS_S) else None


def is_taken(status: int | None) -> bool:
    """Whether a receiver has taken a request, by the HTTP status of its answer."""
    return status is not None and 200 <= status < 300
