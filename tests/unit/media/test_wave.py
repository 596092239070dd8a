"""The head of a WAV: what is read, what is refused, what is mended."""

from __future__ import annotations

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.media.errors import NotSound
from hotline.media.wave import LONGEST_HEAD, read_wave
from tests.unit.media.waves import form, riff, silence, tone, wav

SOUND = b"\x01\x02" * 8000


@pytest.mark.parametrize(
    ("name", "rate", "sound"),
    [
        ("PCM_16", 8000, tone(440, 1, 8000)),
        ("PCM_U8", 16000, tone(440, 1, 16000)),
        ("PCM_24", 48000, tone(440, 1, 48000)),
        ("FLOAT", 44100, tone(440, 1, 44100)),
        ("ALAW", 8000, tone(440, 1, 8000)),
        ("ULAW", 8000, tone(440, 1, 8000)),
    ],
)
def test_what_browsers_play_is_taken(name: str, rate: int, sound: object) -> None:
    data = wav(sound, rate, subtype=name)  # type: ignore[arg-type]
    found = read_wave(data[:LONGEST_HEAD])
    assert (found.rate, found.channels) == (rate, 1)
    assert found.seconds(len(data)) == pytest.approx(1, abs=0.01)


def test_a_stereo_file_is_as_long_as_it_sounds() -> None:
    data = riff((b"fmt ", form(channels=2, block=4)), (b"data", SOUND))
    assert read_wave(data).seconds(len(data)) == 0.5


@pytest.mark.parametrize("told", [0, 4, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_head_that_a_crash_left_unfinished_is_mended(told: int) -> None:
    data = bytearray(riff((b"fmt ", form()), (b"data", SOUND)))
    struct.pack_into("<I", data, 4, told)
    struct.pack_into("<I", data, 40, 0 if told == 4 else told)
    found = read_wave(bytes(data[:LONGEST_HEAD]))
    mended = found.mended(bytes(data), len(data))
    with wave.open(io.BytesIO(mended)) as file:
        assert file.getnframes() == len(SOUND) // 2
    assert found.seconds(len(data)) == 1.0


def test_a_file_that_was_cut_is_as_long_as_what_is_left() -> None:
    data = riff((b"fmt ", form()), (b"data", SOUND))[:-7001]
    found = read_wave(data)
    with wave.open(io.BytesIO(found.mended(data, len(data)))) as file:
        assert file.getnframes() == (len(SOUND) - 7001) // 2
        file.readframes(file.getnframes())


def test_what_follows_the_sound_is_not_sound() -> None:
    data = riff((b"LIST", b"INFOICMT"), (b"fmt ", form()), (b"data", SOUND), (b"LIST", b"x" * 400))
    assert read_wave(data).seconds(len(data)) == 1.0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"<html>not found</html>" * 100,
        b"OggS" + bytes(4000),
        riff((b"fmt ", form())),
        riff((b"data", SOUND)),
        riff((b"fmt ", b"\x01\x00"), (b"data", SOUND)),
        riff((b"fmt ", form(tag=0x31)), (b"data", SOUND)),
        riff((b"fmt ", form(channels=0, block=0)), (b"data", SOUND)),
        riff((b"fmt ", form(channels=99, block=198)), (b"data", SOUND)),
        riff((b"fmt ", form(rate=0)), (b"data", SOUND)),
        riff((b"fmt ", form(block=0)), (b"data", SOUND)),
        riff((b"fmt ", form(bits=12)), (b"data", SOUND)),
        riff((b"JUNK", bytes(LONGEST_HEAD)), (b"fmt ", form()), (b"data", SOUND)),
    ],
)
def test_what_is_no_wav_is_refused(data: bytes) -> None:
    with pytest.raises(NotSound):
        read_wave(data[:LONGEST_HEAD])


@given(st.binary(max_size=200), st.integers(0, 60))
def test_no_bytes_break_it(noise: bytes, place: int) -> None:
    data = wav(silence(0.1, 8000), 8000)
    hostile = data[:place] + noise + data[place:]
    try:
        found = read_wave(hostile[:LONGEST_HEAD])
    except NotSound:
        return
    assert found.seconds(len(hostile)) >= 0
    assert len(found.mended(hostile, len(hostile))) == len(hostile)
