"""What a prompt sounds like, whatever was uploaded or spoken; and what hostile files do: nothing."""

from __future__ import annotations

import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hotline.media.convert import LOUDNESS_DB, PEAK_DB, Unusable, convert
from hotline.media.converter import Converter
from hotline.media.errors import NotSound
from tests.unit.media.waves import Samples, form, loudness, riff, silence, tone, wav


def made(tmp_path: Path, data: bytes, most: float = 60.0) -> dict[int, Path]:
    """The prompt that a file becomes."""
    source = tmp_path / "source"
    source.write_bytes(data)
    targets = {rate: tmp_path / str(rate) for rate in (8000, 16000)}
    convert(source, targets, most)
    return targets


@pytest.mark.parametrize(
    ("rate", "channels", "subtype", "kind"),
    [
        (8000, 1, "PCM_16", "WAV"),
        (22050, 1, "PCM_16", "WAV"),
        (44100, 2, "PCM_24", "WAV"),
        (48000, 2, "FLOAT", "WAV"),
        (96000, 6, "PCM_16", "WAV"),
        (8000, 1, "ULAW", "WAV"),
        (44100, 1, "PCM_16", "FLAC"),
        (48000, 1, "VORBIS", "OGG"),
        (44100, 2, "MPEG_LAYER_III", "MP3"),
    ],
)
def test_any_sound_file_becomes_a_telephone_s(
    tmp_path: Path, rate: int, channels: int, subtype: str, kind: str
) -> None:
    sound = np.repeat(tone(440, 1.5, rate)[:, None], channels, axis=1)
    for wanted, path in made(tmp_path, wav(sound, rate, subtype=subtype, form=kind)).items():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (wanted, 1, "PCM_16")
        assert info.duration == pytest.approx(1.5, abs=0.15)
        heard, _ = soundfile.read(path)
        spectrum = np.abs(np.fft.rfft(heard))
        assert np.argmax(spectrum) * wanted / len(heard) == pytest.approx(440, abs=3)


def words(rate: int, level: float) -> Samples:
    """Three short words with rests, silence around."""
    parts = [silence(1, rate)]
    for _ in range(3):
        parts += [tone(300, 0.3, rate, level=level), silence(0.2, rate)]
    return np.concatenate([*parts, silence(2, rate)])


@pytest.mark.parametrize("level", [0.05, 0.2, 0.99])
def test_prompts_are_equally_loud_and_without_silence_around(tmp_path: Path, level: float) -> None:
    level_db, peak_db, seconds = loudness(made(tmp_path, wav(words(22050, level), 22050))[8000])
    assert level_db == pytest.approx(LOUDNESS_DB, abs=1)
    assert peak_db <= PEAK_DB + 0.1
    assert seconds == pytest.approx(1.3 + 0.05 + 0.15, abs=0.08)


def test_a_rest_between_words_stays(tmp_path: Path) -> None:
    rate = 16000
    sound = np.concatenate([tone(300, 0.5, rate), silence(1.5, rate), tone(300, 0.5, rate)])
    assert loudness(made(tmp_path, wav(sound, rate))[8000])[2] == pytest.approx(2.5, abs=0.1)


def test_noise_is_not_raised_to_the_loudness_of_words(tmp_path: Path) -> None:
    noise = (np.random.default_rng(1).standard_normal(16000) / 1000).astype(np.float32)
    level, _, _ = loudness(made(tmp_path, wav(noise, 16000))[8000])
    assert level < -30


def test_what_lies_above_the_telephone_s_band_does_not_fold_into_it(tmp_path: Path) -> None:
    rate = 48000
    sound = tone(500, 1, rate, level=0.4) + tone(7000, 1, rate, level=0.4)
    heard, _ = soundfile.read(made(tmp_path, wav(sound, rate))[8000])
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    folded = spectrum[int(1000 * len(heard) / 8000) - 5 : int(1000 * len(heard) / 8000) + 5].max()
    assert folded < spectrum.max() / 1000


def test_a_prompt_has_no_click_at_its_ends(tmp_path: Path) -> None:
    heard, _ = soundfile.read(made(tmp_path, wav(tone(440, 1, 8000), 8000))[8000])
    assert abs(heard[0]) < 0.01
    assert abs(heard[-1]) < 0.01


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a sound file"),
        (b"<html>" * 500, "not a sound file"),
        (os.urandom(10_000), "not a sound file"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff" + bytes(100), "not a sound file"),
        (wav(silence(2, 8000), 8000), "only silence"),
        (wav(silence(0, 8000), 8000), "no sound"),
        (wav(tone(440, 61, 8000), 8000), "longer than 60"),
        (wav(tone(440, 1, 2000), 2000), "2000 Hz"),
        (wav(np.full((8000, 12), 0.5, np.float32), 8000), "12 channels"),
        (wav(np.full(8000, np.nan, np.float32), 8000, subtype="FLOAT"), "only silence"),
    ],
    ids=["empty", "page", "noise", "sizes", "silence", "nothing", "long", "slow", "channels", "nan"],
)
def test_what_makes_no_prompt_is_refused_with_a_reason(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        made(tmp_path, data)


def test_a_file_that_claims_to_be_huge_is_as_long_as_it_is(tmp_path: Path) -> None:
    data = bytearray(riff((b"fmt ", form()), (b"data", (tone(440, 1, 8000) * 32000).astype("<i2").tobytes())))
    struct.pack_into("<I", data, 40, 0xFFFFFFF0)
    assert loudness(made(tmp_path, bytes(data))[8000])[2] == pytest.approx(1, abs=0.1)


# The process beside


@pytest.fixture
async def converter() -> AsyncIterator[Converter]:
    made = Converter(seconds=10)
    yield made
    await made.close()


async def test_the_process_serves_one_after_the_other_and_outlives_what_it_refuses(
    tmp_path: Path, converter: Converter
) -> None:
    (tmp_path / "good").write_bytes(wav(tone(440, 1, 22050), 22050))
    (tmp_path / "bad").write_bytes(b"no sound")
    target = {8000: tmp_path / "out"}
    for _ in range(2):
        with pytest.raises(NotSound):
            await converter.convert(tmp_path / "bad", target)
        assert await converter.convert(tmp_path / "good", target) == pytest.approx(1, abs=0.1)


async def test_a_process_that_was_killed_is_started_again(tmp_path: Path, converter: Converter) -> None:
    (tmp_path / "good").write_bytes(wav(tone(440, 1, 22050), 22050))
    target = {8000: tmp_path / "out"}
    await converter.convert(tmp_path / "good", target)
    assert converter._process is not None
    converter._process.kill()
    await converter._process.wait()
    assert await converter.convert(tmp_path / "good", target) > 0.9


async def test_a_file_that_never_ends_is_given_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    impatient = Converter(seconds=0.5)
    try:
        with pytest.raises(NotSound, match="too long"):
            await impatient.convert(tmp_path / "pipe", {8000: tmp_path / "out"})
    finally:
        await impatient.close()
