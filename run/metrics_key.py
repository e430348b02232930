"""The key that the metrics are read with: made here, told once, and stored as a hash."""

import hashlib
import hmac
import secrets

#: System parameter that holds the SHA-256 of the key, in hexadecimal digits.
PARAMETER = "batch_executor.metrics_key"
KEY_BYTES = 32


def make_key(env):
    """Make a new key; an older one is no longer valid. The caller has checked that the user may do so.

    :returns: the key as text, which can't be read again
    """
    key = secrets.token_urlsafe(KEY_BYTES)
    env["ir.config_parameter"].sudo().set_param(PARAMETER, _hash(key))
    return key


def forget_key(env):
    """Delete the key: nobody can read the metrics any more."""
    env["ir.config_parameter"].sudo().set_param(PARAMETER, False)


def has_key(env):
    """Whether there is a key."""
    return bool(_stored(env))


def is_key(env, text):
    """Whether a text is the key. The comparison takes the same time for any text.

    :param str text: what a request has sent
    """
    stored = _stored(env)
    return bool(stored) and hmac.compare_digest(stored.encode(), _hash(text).encode())


def _stored(env):
    return (env["ir.config_parameter"].sudo().get_param(PARAMETER) or "").strip().lower()


def _hash(key):
    return hashlib.sha256(key.encode()).hexdigest()
