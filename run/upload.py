"""Receives the body of a request, and puts it on the disk: it may be larger than the memory."""

import tempfile
import zlib

from werkzeug.exceptions import (
    BadRequest,
    ClientDisconnected,
    RequestEntityTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)

from odoo.http import request

#: Bytes read at once.
BLOCK = 256 * 1024
MIB = 2**20


def receive(env, limit):
    """Put the body of the present request into a temporary file.

    Nothing was written so far in its transaction, which is ended first: a body may take minutes to arrive.

    :param env: the caller's environment
    :param int limit: most bytes, also unpacked
    :returns: binary file, which is deleted when it is closed
    :raises RequestTimeout: the body stopped to arrive
    :raises ClientDisconnected: it broke off
    :raises BadRequest: it is no whole gzip
    :raises RequestEntityTooLarge: it has more bytes
    :raises UnsupportedMediaType: it is encoded otherwise than by gzip
    """
    env.cr.commit()  # pylint: disable=unknown-option-value,invalid-commit
    encoding = (request.httprequest.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise UnsupportedMediaType(env._("The body may be packed by gzip, and by nothing else."))
    blocks = _blocks(env)
    if encoding != "identity":
        blocks = _unpacked(env, blocks)
    file = tempfile.TemporaryFile()  # noqa: SIM115 pylint: disable=consider-using-with  # it is read again if Odoo repeats the request
    size = 0
    for block in blocks:
        size += len(block)
        if size > limit:
            raise RequestEntityTooLarge(too_large(env, size, limit))
        file.write(block)
    return file


def too_large(env, size, limit):
    """What is said of a file that is too large.

    :param int size: in bytes, at least
    :param int limit: in bytes
    """
    return env._(
        "The file has %(size).1f MiB or more, the server takes %(limit).1f (the setting max_file_mib). Send it in several: as a draft, the "
        "rest appended, then started.",
        size=size / MIB,
        limit=limit / MIB,
    )


def _blocks(env):
    """The body of the present request, as it comes in."""
    # Odoo offers the body as a whole, or the parts of a form; this is werkzeug's request, which it wraps
    wrapped = request.httprequest._HTTPRequest__wrapped
    size = 0
    try:
        stream = wrapped.stream
        while block := stream.read(BLOCK):
            size += len(block)
            yield block
    except ClientDisconnected as error:  # what werkzeug makes of an early end, and of whatever reading raises
        if isinstance(error.__context__, TimeoutError):
            raise RequestTimeout(env._("The body stopped to arrive after %s bytes. Nothing is stored: send it again.", size)) from error
        raise ClientDisconnected(env._("The body broke off after %s bytes. Nothing is stored: send it again.", size)) from error


def _unpacked(env, blocks):
    """Unpack gzip, a piece of bounded size at a time."""
    unpacker, is_inside = None, False
    try:
        for block in blocks:
            while block:
                unpacker = unpacker or zlib.decompressobj(wbits=31)
                is_inside = True
                yield unpacker.decompress(block, BLOCK)
                block = unpacker.unconsumed_tail
                if unpacker.eof:  # there may be another one behind it
                    block, unpacker, is_inside = unpacker.unused_data, None, False
    except zlib.error as error:
        raise BadRequest(env._("The body is no gzip: %s", error)) from error
    if is_inside:
        raise BadRequest(env._("The body is cut off: its gzip has no end."))
