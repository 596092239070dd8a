"""A sealed file as an ordinary one: for libraries that read and seek."""

from __future__ import annotations

import io

from hotline.media.sealed import PIECE, SealedReader


class SealedStream(io.RawIOBase):
    """Reads a sealed file in any order; the last piece is kept, since most reads follow each other."""

    def __init__(self, reader: SealedReader) -> None:
        self._reader = reader
        self._at = 0
        self._kept: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._reader.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill as much of the buffer as the present piece has."""
        if self._at >= self._reader.size:
            return 0
        index, within = divmod(self._at, PIECE)
        if self._kept[0] != index:
            self._kept = (index, self._reader.piece(index))
        part = self._kept[1][within : within + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        """Give the file back."""
        if not self.closed:
            self._reader.close()
        super().close()
