"""The outer form of a pacing log: a mark, then compressed frames, each whole or missing, each with its checksums.

A frame is its length (4 bytes), the checksum of its data (4), the checksum of these eight (4), and the data: one flush of a
deflate stream that runs through the file. A file that ends within a frame was cut short by a crash, which is normal; anything
else that does not fit is damage, down to one flipped bit.
"""

import struct
import zlib
from collections.abc import Iterator

MARK = b"DIALER PACING LOG 2\n"
"""The first bytes of every file; the number is that of the format."""

_HEAD = struct.Struct("<II")
_CHECK = struct.Struct("<I")
_HEAD_SIZE = _HEAD.size + _CHECK.size
LEVEL = 6


class DamagedLogError(ValueError):
    """No pacing log, or not as it was written, from the byte `place` on."""

    def __init__(self, place: int) -> None:
        super().__init__(f"damaged at byte {place}")
        self.place = place


class FrameWriter:
    """The frames of one file, after its MARK."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(LEVEL)

    def frame(self, block: bytes) -> bytes:
        data = self._stream.compress(block) + self._stream.flush(zlib.Z_SYNC_FLUSH)
        head = _HEAD.pack(len(data), zlib.crc32(data))
        return head + _CHECK.pack(zlib.crc32(head)) + data


class FrameReader:
    """The blocks of one file, in order. `cut_short`: the file ended within a frame."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.place = 0  # of the frame at hand
        self.cut_short = False

    def __iter__(self) -> Iterator[bytes]:
        """Raises DamagedLogError."""
        content, stream = self._content, zlib.decompressobj()
        if not content.startswith(MARK):
            self.cut_short = MARK.startswith(content)
            if not self.cut_short:
                raise DamagedLogError(0)
            return
        self.place = len(MARK)
        self.cut_short = len(content) == len(MARK)
        while self.place < len(content):
            data = self._data_at(self.place)
            if data is None:
                self.cut_short = True
                return
            try:
                yield stream.decompress(data)
            except zlib.error as error:
                raise DamagedLogError(self.place) from error
            self.place += _HEAD_SIZE + len(data)

    def _data_at(self, place: int) -> bytes | None:
        head = self._content[place : place + _HEAD_SIZE]
        if len(head) < _HEAD_SIZE:
            return None
        if zlib.crc32(head[: _HEAD.size]) != _CHECK.unpack(head[_HEAD.size :])[0]:
            raise DamagedLogError(place)
        length, check = _HEAD.unpack(head[: _HEAD.size])
        data = self._content[place + _HEAD_SIZE : place + _HEAD_SIZE + length]
        if len(data) < length:
            return None
        if zlib.crc32(data) != check:
            raise DamagedLogError(place)
        return data
