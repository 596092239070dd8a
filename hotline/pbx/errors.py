"""What can go wrong on the wire to a PBX."""

from __future__ import annotations

from hotline.errors import Invalid, Unavailable


class PbxUnavailable(Unavailable):
    """The PBX cannot be reached at the moment."""

    code = "pbx_unavailable"


class ConnectionLost(PbxUnavailable, ConnectionError):
    """The connection to the PBX broke; what was under way is not repeated."""

    code = "pbx_connection_lost"


class LoginRefused(PbxUnavailable):
    """The PBX refused the AMI user or secret."""

    code = "pbx_login_refused"


class NoAnswer(PbxUnavailable, TimeoutError):
    """The PBX did not answer the action in time."""

    code = "pbx_no_answer"


class MessageTooLong(PbxUnavailable):
    """The PBX sent a message without an end; is this an AMI port?"""

    code = "pbx_message_too_long"


class UnsafeValue(Invalid):
    """A value for the PBX has a character that could change the action."""

    code = "unsafe_value"
