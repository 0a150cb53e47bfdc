"""Numbers, instants, names and texts to bytes and back, exactly: what a block of the pacing log is made of.

Whole numbers are varints (seven bits a byte, the least first). An instant is the microseconds since the one before it, or its
eight bytes as they are where it is no whole microsecond: what comes back is the same float64, bit for bit. A name is written once
and then stands as a small number; the numbers of names that are forgotten are used again.
"""

import struct
from dataclasses import dataclass, field

_REAL = struct.Struct("<d")
_MICROS = 1e6


class GarbledLogError(ValueError):
    """These bytes are no block of a pacing log"""


@dataclass
class Names:
    """A table of names that writer and reader keep alike. Mutable."""

    places: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    free: list[int] = field(default_factory=list)

    def add(self, name: str) -> int:
        place = self.free.pop() if self.free else len(self.names)
        if place == len(self.names):
            self.names.append(name)
        else:
            self.names[place] = name
        self.places[name] = place
        return place

    def forget(self, name: str) -> None:
        place = self.places.pop(name, None)
        if place is not None:
            self.free.append(place)


class Packer:
    """Appends to `out`, which the owner takes and clears; names and the last instant stay."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.names = Names()
        self._micros = 0

    def number(self, value: int) -> None:
        """0 or more."""
        out = self.out
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        out.append(value)

    def signed(self, value: int) -> None:
        self.number(value << 1 if value >= 0 else (-value << 1) - 1)

    def real(self, value: float) -> None:
        self.out += _REAL.pack(value)

    def instant(self, at: float) -> None:
        """0: the eight bytes follow; else the step in microseconds, zigzag, and 1."""
        micros = round(at * _MICROS)
        step = micros - self._micros
        self._micros = micros
        if micros / _MICROS == at and micros:
            self.number((step << 1 if step >= 0 else (-step << 1) - 1) + 1)
        else:
            self.out.append(0)
            self.real(at)

    def text(self, value: str) -> None:
        data = value.encode()
        self.number(len(data))
        self.out += data

    def name(self, value: str) -> None:
        """0 and the text the first time, then its place and 1."""
        place = self.names.places.get(value)
        if place is not None:
            self.number(place + 1)
            return
        self.names.add(value)
        self.out.append(0)
        self.text(value)


class Unpacker:
    """Reads blocks that one Packer wrote, in their order. Raises GarbledLogError."""

    def __init__(self) -> None:
        self.names = Names()
        self._data = b""
        self._place = 0
        self._micros = 0

    def load(self, block: bytes) -> None:
        """The next block; what is left of the last is forgotten."""
        self._data, self._place = block, 0

    @property
    def at_end(self) -> bool:
        return self._place >= len(self._data)

    def take(self, count: int) -> bytes:
        end = self._place + count
        if end > len(self._data):
            raise GarbledLogError
        taken = self._data[self._place : end]
        self._place = end
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def signed(self) -> int:
        value = self.number()
        return -(value + 1 >> 1) if value & 1 else value >> 1

    def real(self) -> float:
        value: float = _REAL.unpack(self.take(8))[0]
        return value

    def instant(self) -> float:
        code = self.number()
        if code == 0:
            at = self.real()
            self._micros = round(at * _MICROS)
            return at
        code -= 1
        self._micros += -(code + 1 >> 1) if code & 1 else code >> 1
        return self._micros / _MICROS

    def text(self) -> str:
        try:
            return self.take(self.number()).decode()
        except UnicodeDecodeError as error:
            raise GarbledLogError from error

    def name(self) -> str:
        code = self.number()
        if code == 0:
            name = self.text()
            self.names.add(name)
            return name
        if code > len(self.names.names):
            raise GarbledLogError
        return self.names.names[code - 1]
