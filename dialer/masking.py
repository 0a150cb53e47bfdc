"""Telephone numbers out of any text: the last net under the logs.

Nothing of ours puts a number into a log line. What others say may hold one: the words of a driver, a path, a traceback.
So whatever leaves through the log passes here. Masked is what could be a number: seven or more digits on end, and digits
with blanks, dots, dashes, slashes or brackets between them where `+` or `00` stands before them. Our own ids (UUIDs) stay
readable, and so do instants as ISO 8601 writes them.
"""

import re

MASK = "[number]"

_UUID = r"(?<![0-9A-Za-z+])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
_DATE, _TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,6})?"
_INSTANT = rf"(?<![0-9+]){_DATE}[T ]{_TIME}(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}})?(?!\d)"
_WRITTEN = r"(?:\+|(?<![\d.])00)\d(?:[ ().\-/]{0,2}\d){5,}"
_PLAIN = r"\d{7,}"
_PATTERN = re.compile(f"(?P<kept>{_UUID}|{_INSTANT})|{_WRITTEN}|{_PLAIN}")


def masked(text: str) -> str:
    """`text` with MASK in place of everything that could be a telephone number."""
    return _PATTERN.sub(lambda found: found["kept"] or MASK, text)
