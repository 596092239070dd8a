"""What a called customer of a campaign hears by Twilio: first how to get no more calls, then the message.

https://www.twilio.com/docs/voice/twiml/gather. The whole document goes along with the call: nothing of the message has
to be kept until somebody picks up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twilio.twiml.voice_response import Gather, VoiceResponse

from hotline.channels.errors import PermanentlyRefused
from hotline.channels.twilio import agent_words as words
from hotline.channels.twilio.voice import Heard, write

#: Longest document that goes along with a call (https://www.twilio.com/docs/voice/api/call-resource, Twiml).
LONGEST: Final = 4_000
#: Seconds after the message in which the key still counts.
_AFTER_SECONDS: Final = 4

ENDED: Final[words.Texts] = {
    "en": "Thank you. We will not call you about this any more. Goodbye.",
    "zh": "谢谢,我们今后不再就此致电。再见。",
}
GOODBYE: Final[words.Texts] = {"en": "Goodbye.", "zh": "再见。"}


def message(heard: Sequence[Heard], key_pressed: str) -> str:
    """The document of a call: what is heard, in this order, with a key's address. Raises PermanentlyRefused for more
    than Twilio takes."""
    response = VoiceResponse()
    gather = Gather(num_digits=1, timeout=_AFTER_SECONDS, action=key_pressed, method="POST", input="dtmf")
    for each in heard:
        write(each, gather)
    response.append(gather)
    response.hangup()
    text = str(response)
    if len(text) > LONGEST:
        raise PermanentlyRefused("The message is too long to be read in a call.")
    return text


def last_words(texts: words.Texts, language: str) -> str:
    """A sentence, and the end of the call."""
    response = VoiceResponse()
    words.say(response, words.text_of(texts, language), language, {})
    response.hangup()
    return str(response)
