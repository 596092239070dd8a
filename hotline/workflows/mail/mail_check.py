"""Whether mail can come and go, and if not, what to change: for ``hotline doctor``."""

from __future__ import annotations

from collections.abc import AsyncIterator

from hotline.channels.errors import ChannelError, NotConfigured, SenderPaused
from hotline.channels.mail.imap import open_mailbox
from hotline.channels.mail.smtp import SmtpPool
from hotline.crm import company
from hotline.settings.mail import ImapServer, SmtpServer
from hotline.workflows.company.company import get as company_section
from hotline.workflows.house import House
from hotline.workflows.twilio.twilio_check import Check


async def check_mail(house: House) -> AsyncIterator[Check]:
    """Every check of mail; one line when nothing is set up."""
    settings = house.settings
    section = await company_section(house, company.Mail)
    ways_in = settings.imap is not None or settings.mail_lmtp_bind is not None
    if settings.smtp is None and not ways_in:
        yield Check("mail", "warning", "none is set up", ("HOTLINE_SMTP_URL=smtp://…, see docs/mail.md",))
        return
    if section.address:
        yield Check("mail address", "ok", "customers write to the address of the section mail")
    else:
        yield Check("mail address", "wrong", "the section mail names no address", ("Settings, Mail: Address",))
    if settings.smtp is None:
        yield Check("mail relay", "warning", "none is set: no answer leaves", ("HOTLINE_SMTP_URL=smtp://USER:…@HOST",))
    else:
        yield await _relay(settings.smtp)
    if settings.imap is not None:
        yield await _mailbox(settings.imap)
    if settings.mail_lmtp_bind is not None:
        yield _lmtp(house)
    if not ways_in:
        yield Check(
            "mail in",
            "warning",
            "nothing brings mail in",
            ("HOTLINE_MAIL_LMTP_BIND=127.0.0.1:2424", "or HOTLINE_IMAP_URL"),
        )


async def _relay(server: SmtpServer) -> Check:
    pool = SmtpPool(server)
    try:
        encrypted = await pool.try_out()
    except SenderPaused as error:
        return Check("mail relay", "wrong", error.detail, ("HOTLINE_SMTP_URL: the user and the password",))
    except ChannelError as error:
        return Check(
            "mail relay", "wrong", f"{error.detail} ({server.host}:{server.port})",
            ("HOTLINE_SMTP_URL: host and port", "?verify=no for a certificate that nobody vouches for"),
        )  # fmt: skip
    finally:
        await pool.close()
    if not encrypted and server.user:
        return Check("mail relay", "warning", "the password goes there in the clear", ("smtps://, or ?starttls=yes",))
    return Check("mail relay", "ok", f"{server.host}:{server.port}{', encrypted' if encrypted else ''}")


async def _mailbox(server: ImapServer) -> Check:
    try:
        async with open_mailbox(server):
            pass
    except NotConfigured as error:
        return Check("mailbox", "wrong", error.detail, ("HOTLINE_IMAP_URL: user, password and folder",))
    except ChannelError as error:
        return Check("mailbox", "wrong", f"{error.detail} ({server.host}:{server.port})", ("HOTLINE_IMAP_URL",))
    if not server.tls:
        return Check("mailbox", "warning", "the password goes there in the clear", ("imaps:// in HOTLINE_IMAP_URL",))
    return Check("mailbox", "ok", f"{server.host}:{server.port}, folder {server.folder}")


def _lmtp(house: House) -> Check:
    bind, sources = house.settings.mail_lmtp_bind, house.settings.mail_lmtp_sources
    outside = bind is not None and bind.host not in ("127.0.0.1", "::1", "localhost")
    if outside and not sources:
        return Check(
            "lmtp", "warning", f"{bind} is no address of this machine alone, but nobody else may speak there",
            ("HOTLINE_MAIL_LMTP_SOURCES: the mail server's address",),
        )  # fmt: skip
    return Check("lmtp", "ok", f"{bind}, for {', '.join(map(str, sources)) or 'this machine'}")
