"""Webhooks over https: nothing is sent to a host that can't prove that it is the one."""

import os
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .webhook_case import Receiver, WebhookCase


class TestCertificates(WebhookCase):
    def told(self, name, trusted=False):
        """What became of a try to tell a receiver whose certificate is for this host, and what the receiver got."""
        folder = Path(self.enterContext(TemporaryDirectory()))
        certificate = new_certificate(folder / "receiver.pem", name)
        receiver = Receiver(certificate)
        self.addCleanup(receiver.close)
        with self.committed() as env:
            env["batch.webhook"].browse(self.webhook).url = receiver.url
        job = self.ended()
        with patch.dict(os.environ, {"SSL_CERT_FILE": str(certificate)} if trusted else {}):
            self.send()
        return self.results(job)[0], receiver.requests

    def test_one_that_nobody_has_signed_is_not_trusted(self):
        result, requests = self.told("127.0.0.1")
        self.assertRegex(result, "certificate")
        self.assertEqual(requests, [])

    def test_one_of_another_host_is_not_trusted(self):
        result, requests = self.told("127.0.0.2", trusted=True)
        self.assertRegex(result, "certificate")
        self.assertEqual(requests, [])

    def test_one_that_the_server_trusts(self):
        result, requests = self.told("127.0.0.1", trusted=True)
        self.assertEqual(result, "HTTP 200")
        self.assertEqual(len(requests), 1)


def new_certificate(path, address):
    """Write a key, and a certificate of it for an address, signed by itself, into a file; returns its path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(pem))
    return path
