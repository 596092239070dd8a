"""``amis://``: the AMI over TLS, with a certificate of the company's own authority."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hotline.calls.facts import TRACKED_EVENTS, TRACKED_VARIABLES
from hotline.clock import utc_now
from hotline.errors import SettingError
from hotline.pbx.connection import Connection, Patience
from hotline.pbx.errors import PbxUnavailable
from hotline.pbx.wire import Accept
from tests.fakes.ami import fake_pbx

ACCEPT = Accept.of(TRACKED_EVENTS, TRACKED_VARIABLES)
PATIENT = Patience(connect=20, login=20, probe=20, boot=20)


def certificate(folder: Path, address: str) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for an address: its PEM file, and the context of a server that shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pbx.example")])
    now = utc_now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "pbx.pem", folder / "pbx.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(public, private)
    return public, server


async def test_a_certificate_of_the_companys_own_authority_is_trusted_by_its_file(tmp_path: Path) -> None:
    file, server = certificate(tmp_path, "127.0.0.1")
    async with fake_pbx(tls=server) as pbx:
        connection = await Connection.open(pbx.address(), ACCEPT, PATIENT, ca_file=file)
        pbx.event("Newchannel", Channel="PJSIP/trunk-1", Uniqueid="1.1", Linkedid="1.1")
        async with asyncio.timeout(60):
            while not (heard := [event for event in await connection.events() if event.name == "Newchannel"]):
                pass
        assert [event.get("Channel") for event in heard] == ["PJSIP/trunk-1"]
        connection.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused_with_the_reason(tmp_path: Path) -> None:
    _, server = certificate(tmp_path, "127.0.0.1")
    async with fake_pbx(tls=server) as pbx:
        with pytest.raises(PbxUnavailable, match="certificate verify failed"):
            await Connection.open(pbx.address(), ACCEPT, PATIENT)
        assert pbx.named("Login") == []


async def test_a_certificate_of_another_host_is_refused_unless_the_address_says_so(tmp_path: Path) -> None:
    file, server = certificate(tmp_path, "127.0.0.9")
    async with fake_pbx(tls=server) as pbx:
        with pytest.raises(PbxUnavailable, match="IP address mismatch"):
            await Connection.open(pbx.address(), ACCEPT, PATIENT, ca_file=file)
        trusting = replace(pbx.address(), verify=False)
        connection = await Connection.open(trusting, ACCEPT, PATIENT)
        assert connection.booted is True
        connection.close()


async def test_plain_and_tls_that_meet_are_a_reason_not_a_hang(tmp_path: Path) -> None:
    async with fake_pbx() as pbx:
        with pytest.raises(PbxUnavailable):
            await Connection.open(replace(pbx.address(), tls=True), ACCEPT, PATIENT)
    file, _ = certificate(tmp_path, "127.0.0.1")
    file.write_text("no certificate")
    async with fake_pbx() as pbx:
        with pytest.raises(SettingError, match="HOTLINE_AMI_CA_FILE"):
            await Connection.open(replace(pbx.address(), tls=True), ACCEPT, PATIENT, ca_file=file)
