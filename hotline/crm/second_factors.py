"""Second factors: codes of an authenticator app (TOTP, RFC 6238) and recovery codes for who lost it. No I/O."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime
from typing import Final

import pyotp

from hotline.crm.keys import Keyring

#: Seconds that one code of an app is shown.
STEP_SECONDS: Final = 30
#: Steps before and after now whose codes are taken, for clocks that are off and fingers that are slow (RFC 6238 §5.2).
WINDOW: Final = 1
#: How many recovery codes a user gets.
RECOVERY_CODES: Final = 10

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: without i, l, o, u
_RECOVERY: Final = 12
_CODE: Final = re.compile(r"\d{6}")


def new_secret() -> str:
    """A fresh secret of an app: 160 bits, as base 32."""
    return pyotp.random_base32(32)


def address_of(secret: str, login: str, issuer: str) -> str:
    """What the picture for the app holds (otpauth://)."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=login, issuer_name=issuer)


def step_of(secret: str, code: str, now: datetime, after: int) -> int | None:
    """The step whose code this is; None when it is of no step around ``now``, or of one not ``after`` the last used."""
    typed = re.sub(r"[\s-]", "", code)
    if not _CODE.fullmatch(typed) or not typed.isascii():
        return None
    totp = pyotp.TOTP(secret, interval=STEP_SECONDS)
    current = int(now.timestamp()) // STEP_SECONDS
    found = None
    for step in range(current - WINDOW, current + WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(step), typed):
            found = step
    return found if found is not None and found > after else None


def new_recovery_codes() -> list[str]:
    """Fresh codes of 60 random bits each, written ``xxxx-xxxx-xxxx``."""
    found = []
    for _ in range(RECOVERY_CODES):
        text = "".join(secrets.choice(_LETTERS) for _ in range(_RECOVERY))
        found.append("-".join(text[at : at + 4] for at in range(0, _RECOVERY, 4)))
    return found


def recovery_mark(keyring: Keyring, user_id: object, code: str) -> bytes | None:
    """The keyed hash under which a recovery code is kept; None for what cannot be one. Case, dashes and the letters
    that look like others do not matter."""
    typed = re.sub(r"[\s-]", "", code).lower().translate(str.maketrans("oil", "011"))
    if len(typed) != _RECOVERY or any(letter not in _LETTERS for letter in typed):
        return None
    return keyring.blind_index("recovery_code", f"{user_id}\0{typed}")
