"""What can go wrong with sound."""

from __future__ import annotations

import errno
from typing import Final

from hotline.errors import HotlineError, Invalid

#: errno of a disk, or a share of it, that is full.
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class NotSound(Invalid):
    """This is no sound file that hotline can read."""

    code = "not_sound"


class SpeechFailed(HotlineError):
    """The speech command did not make a prompt of the text."""

    code = "speech_failed"


class NoRoom(HotlineError):
    """There is no room for it on the disk."""

    code = "no_room"
    status = 507
    retry = True


class Damaged(HotlineError):
    """The recording's file is missing, cut or changed."""

    code = "damaged"
    status = 410
