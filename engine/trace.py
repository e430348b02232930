"""The trace that a submission belongs to: the header `traceparent` of W3C Trace Context."""

import re

#: Of that header: version, trace, parent, flags, and what a later version may add.
_FORM = re.compile(r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<ids>(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?")
#: The version that is known; and the flag that later versions have in common with it: the trace is sampled.
_VERSION, _SAMPLED = "00", 1


def read_traceparent(text: str | None) -> str | None:
    """A `traceparent` in the form of version 00; None where there is none, or one that is not valid and is to be ignored.

    :param text: the value of the header
    """
    found = _FORM.fullmatch((text or "").strip())
    if not found:
        return None
    if found["version"] == _VERSION:
        return None if found["more"] else found[0]
    return f"{_VERSION}-{found['ids']}-{int(found['flags'], 16) & _SAMPLED:02x}"


def trace_id(traceparent: str) -> str:
    """The id of the trace, by which tools find what belongs together."""
    return traceparent.split("-")[1]
