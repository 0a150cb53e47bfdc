"""The parts of an .xlsx workbook, read as a stranger's file: no part may swell, declare entities, or be malformed.

A workbook is a ZIP archive of XML parts. Nothing is unpacked to disk but the texts that cells share, into a temporary file
without a name, so that memory stays flat. Guards: a part may not be more than MOST_SWELLING times its packed size, no single
tag or text may be longer than MOST_TOKEN, and a document type, where entities would be declared, is refused.
"""

import re
import tempfile
import zlib
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from dialer.errors import InvalidInputError

PIECE = 1 << 16
MOST_PARTS = 10_000
MOST_SWELLING = 250
ANYWAY = 10 << 20
"""Bytes that any part may have, however well it is packed."""
MOST_TOKEN = 1 << 20
MOST_STRING = 32_767
"""Characters in one cell, as in the program itself."""
DAMAGED = "is a damaged workbook"
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")

Handler = Callable[..., None]


def refused(problem: str) -> InvalidInputError:
    return InvalidInputError("file", problem)


class Parts:
    """The archive. Raises InvalidInputError."""

    def __init__(self, path: Path) -> None:
        self.handle = path.open("rb")
        try:
            self._zip = ZipFile(self.handle)
        except (BadZipFile, OSError, ValueError, NotImplementedError):
            self.handle.close()
            raise refused(DAMAGED) from None
        self._parts = {info.filename.lstrip("/"): info for info in self._zip.infolist()}
        if len(self._parts) > MOST_PARTS:
            raise refused("has more parts than a workbook may have")

    def close(self) -> None:
        self._zip.close()
        self.handle.close()

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def bytes_of(self, name: str) -> Iterator[bytes]:
        info = self._parts.get(name)
        if info is None:
            raise refused(DAMAGED)
        if info.flag_bits & 1:
            raise refused("has a password: save it without one")
        most, size = max(ANYWAY, info.compress_size * MOST_SWELLING), 0
        try:
            with self._zip.open(info) as part:
                while piece := part.read(PIECE):
                    size += len(piece)
                    if size > most:
                        raise refused("swells too much when it is unpacked")
                    yield piece
        except (BadZipFile, OSError, EOFError, ValueError, NotImplementedError, zlib.error):
            raise refused(DAMAGED) from None

    def parse(
        self,
        name: str,
        *,
        start: Handler | None = None,
        end: Handler | None = None,
        text: Handler | None = None,
    ) -> Iterator[None]:
        """Through one part; a step for each piece, after its handlers were called. Names come without name space."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = text
        fed = 0
        try:
            for piece in self.bytes_of(name):
                parser.Parse(piece, False)
                fed += len(piece)
                if fed - max(parser.CurrentByteIndex, 0) > MOST_TOKEN:
                    raise refused("has a cell that is too long")
                yield
            parser.Parse(b"", True)
            yield
        except (expat.ExpatError, LookupError, UnicodeError):
            raise refused(DAMAGED) from None

    def check(self, name: str) -> None:
        """To its end."""
        for _ in self.parse(name):
            pass


def _no_doctype(*_: object) -> None:
    raise refused("declares a document type, which no workbook does")


def local(name: str) -> str:
    """The name of a tag without its name space."""
    return name.rpartition(" ")[2]


def unescaped(text: str) -> str:
    """What `_x000D_` stands for; half of a character stays as it is written."""
    return ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if 0xD800 <= code <= 0xDFFF else chr(code)


class SharedTexts:
    """The texts that cells refer to by number."""

    def __init__(self, parts: Parts, name: str) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the workbook
        self._starts = array("Q", [0])
        self._read = lru_cache(maxsize=4096)(self._from_file)
        try:
            if name in parts:
                self._copy(parts, name)
        except BaseException:
            self.close()
            raise

    def __getitem__(self, number: int) -> str:
        """Raises IndexError."""
        if not 0 <= number < len(self._starts) - 1:
            raise IndexError
        return self._read(number)

    def close(self) -> None:
        self._file.close()

    def _from_file(self, number: int) -> str:
        start, end = self._starts[number], self._starts[number + 1]
        self._file.seek(start)
        return self._file.read(end - start).decode()

    def _copy(self, parts: Parts, name: str) -> None:
        collector = TextCollector()
        finished: list[str] = []

        def end(tag: str) -> None:
            if local(tag) == "si":
                finished.append(collector.take())
            collector.end(tag)

        for _ in parts.parse(name, start=collector.start, end=end, text=collector.text):
            for text in finished:
                self._starts.append(self._starts[-1] + self._file.write(text.encode()))
            finished.clear()


class TextCollector:
    """The text within `t` tags, but not how it is pronounced (`rPh`)."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0
        self._within = False
        self._aside = 0

    def start(self, tag: str, _: object) -> None:
        name = local(tag)
        self._within = name == "t" and not self._aside
        self._aside += name == "rPh"

    def end(self, tag: str) -> None:
        self._within = False
        self._aside -= local(tag) == "rPh"

    def text(self, piece: str) -> None:
        if self._within:
            self._size += len(piece)
            if self._size > MOST_STRING * 8:
                raise refused("has a cell that is too long")
            self._pieces.append(piece)

    def take(self) -> str:
        whole = "".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return unescaped(whole)
