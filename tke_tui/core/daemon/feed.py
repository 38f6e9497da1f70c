"""Reads a journal in pieces, as it stands on disk, beside the engine that appends to it."""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

PIECE = 1 << 20
"""Bytes read at once; a single record may be larger."""

_RECORD = re.compile(rb'\{"crc":"([0-9a-f]{8})","event":(\{.*\})\}')
_SEQ = re.compile(rb'"seq":(\d+)')
"""Cannot match inside a text: there every quotation mark is escaped."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Records as JSON lines (`text`), the number to go on after, whether there is more to read at this moment."""

    text: bytes
    last: int
    more: bool


class Feed:
    """Reads one journal from its beginning, then goes on where it stopped.

    A journal that was begun anew or cut meanwhile is read from its beginning again, whatever numbers were asked for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int = 0
        self._offset = 0
        self._highest = 0

    def read(self, after: int) -> Piece:
        """The next whole records with a number above `after`; blocks for as long as the disk takes.

        Reading stops for good at a damaged record, as for the engine itself.
        """
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if self._offset and (status.st_ino != self._file or status.st_size < self._offset):
                    self._offset, self._highest, after = 0, 0, 0
                self._file = status.st_ino
                file.seek(self._offset)
                data = file.read(PIECE)
                while b"\n" not in data and (further := file.read(PIECE)):
                    data += further
        except FileNotFoundError:
            return Piece(b"", 0, False)
        piece = self._records(data, after, status.st_size)
        if piece.more or self._highest >= after:
            return piece
        # The numbers that were asked for belong to a journal that is gone.
        self._offset = 0
        return Piece(b"", 0, True)

    def _records(self, data: bytes, after: int, size: int) -> Piece:
        found: list[bytes] = []
        last = after
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            record = _RECORD.fullmatch(data, start, end)
            if record is None or int(record[1], 16) != zlib.crc32(record[2]):
                return Piece(b"".join(found), last, False)
            number = _SEQ.search(record[2])
            if number is not None:
                seq = self._highest = int(number[1])
                if seq > after:
                    found += (record[2], b"\n")
                    last = seq
            self._offset += end + 1 - start
            start = end + 1
        return Piece(b"".join(found), last, start > 0 and self._offset < size)
