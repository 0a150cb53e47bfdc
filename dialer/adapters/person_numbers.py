"""The numbers of a person as text: how stores keep them with the lead, and how an import carries them between processes."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from dialer.ids import LeadId
from dialer.persons import Numbers, PersonNumber


def packed_numbers(numbers: Numbers) -> str | None:
    """A JSON array; None: the lead has one number."""
    if not numbers:
        return None
    rows = [
        [
            one.phone,
            one.zone,
            one.tries,
            one.never_rang,
            one.last_outcome,
            one.not_before and one.not_before.astimezone(UTC).isoformat(),
            one.over,
        ]
        for one in numbers
    ]
    return json.dumps(rows, separators=(",", ":"))


def unpacked_numbers(text: str | None) -> Numbers:
    return tuple(_number(*row) for row in json.loads(text)) if text else ()


def phones_of(phone: str, numbers: str | None) -> tuple[str, ...]:
    """All of a lead's numbers; `phone`: the one it has, if it has no others."""
    return tuple(one.phone for one in unpacked_numbers(numbers)) or (phone,)


def whole_leads(rows: Sequence[tuple[LeadId, str]], limit: int) -> list[tuple[LeadId, str]]:
    """At least `limit` of (lead, number) pairs, if there are so many, and no lead with only some of its numbers. `rows`: in the
    order of the leads, MOST_NUMBERS more than the limit."""
    end = min(limit, len(rows))
    while 0 < end < len(rows) and rows[end][0] == rows[end - 1][0]:
        end += 1
    return list(rows[:end])


def _number(
    phone: str,
    zone: str,
    tries: int,
    never_rang: int,
    last_outcome: str | None,
    not_before: str | None,
    over: bool,
    *_: Any,  # of a later version
) -> PersonNumber:
    return PersonNumber(
        phone=phone,
        zone=zone,
        tries=tries,
        never_rang=never_rang,
        last_outcome=last_outcome,
        not_before=datetime.fromisoformat(not_before) if not_before else None,
        over=over,
    )
