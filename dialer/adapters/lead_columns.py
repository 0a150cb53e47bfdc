"""What the columns of a file of leads mean: by the words above them, or as the user says."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dialer.attributes import MOST_ATTRIBUTES, MOST_NAME, Kind
from dialer.errors import InvalidInputError
from dialer.persons import MOST_NUMBERS
from dialer.phones import INVISIBLE

COLUMNS: dict[str, frozenset[str]] = {
    "phone": frozenset(
        {
            "phone",
            "number",
            "telephone",
            "telefono",
            "numero",
            "cellulare",
            "tel",
            "phone_number",
            "mobile",
            "numero_di_telefono",
            "numero_telefono",
            "telefono_fisso",
            "telefono_cellulare",
            "fisso",
            "landline",
        }
    ),
    "other_phones": frozenset({"other_phones", "altri_telefoni", "altri_numeri"}),
    "name": frozenset({"name", "nome", "nominativo", "cliente", "full_name", "nome_e_cognome"}),
    "first_name": frozenset({"first_name", "firstname", "given_name", "nome_proprio"}),
    "last_name": frozenset({"last_name", "lastname", "surname", "family_name", "cognome"}),
    "zone": frozenset({"zone", "timezone", "time_zone", "fuso", "fuso_orario"}),
    "priority": frozenset({"priority", "priorita", "priorità"}),
    "external_id": frozenset(
        {
            "external_id",
            "id",
            "codice",
            "codice_cliente",
            "riferimento",
            "customer_id",
            "id_cliente",
        }
    ),
}
"""The columns that are read, and the words that may stand above them. A name may come in pieces: first_name, name, last_name. A
person may have several numbers: more columns of numbers, also telefono_2 and so on, or several in one, other_phones."""

_ONE_MORE = re.compile(r"_?([2-9]|10)$")

OF_REPORTS = frozenset({"line", "field", "problem"})
"""Columns that a report of rejected rows puts first."""

OF_EXPORTS = frozenset(
    {
        "list",
        "state",
        "attempts",
        "never_rang",
        "last_outcome",
        "last_attempt_at",
        "next_attempt_at",
        "held_by",
        "lead_id",
        "attributes",
    }
)
"""What `leads export` says beside; a file that has all of these columns is one of its own."""

_LOOKS_LIKE_A_NUMBER = re.compile(r"\d\D?\d\D?\d\D?\d\D?\d")


@dataclass(frozen=True, slots=True)
class ColumnRules:
    """`chosen`: the heading of a column, by what it means; it goes before the words. `strict`: a column without a meaning is
    refused; else it is kept as an attribute of the lead. `kinds`: of such columns, by heading; others are text.
    `ignored`: headings of columns that are passed over."""

    chosen: Mapping[str, str] = field(default_factory=dict)
    strict: bool = False
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same text for the same rules."""
        return f"{sorted(self.chosen.items())} {self.strict} {sorted(self.kinds.items())} {self.ignored}"


BY_WORDS = ColumnRules()


def column_names(header: Sequence[str], rules: ColumnRules = BY_WORDS) -> tuple[str | None, ...]:
    """The meaning of each column; None: not read. Raises InvalidInputError."""
    words, ignored = [_word(cell) for cell in header], set(map(_word, rules.ignored))
    names: list[str | None] = [None] * len(words)
    for name, heading in rules.chosen.items():
        names[_place(name, heading, header, words, names)] = name
    for place, word in enumerate(words):
        if names[place] is None:
            meaning = _meaning(word)
            meaning = None if word in ignored else meaning
            names[place] = None if meaning in rules.chosen else meaning
    if "phone" not in names:
        raise InvalidInputError("phone", "the first line names no column of telephone numbers")
    if names.count("phone") > MOST_NUMBERS:
        raise InvalidInputError("phone", f"the first line names more than {MOST_NUMBERS} columns")
    for name in COLUMNS:
        if name != "phone" and names.count(name) > 1:
            raise InvalidInputError(name, "the first line names more than one such column")
    if rules.strict:
        typed = {_word(heading) for heading in (*rules.kinds, *rules.ignored)}
        _check_all_known(header, words, names, typed)
    return tuple(names)


def attribute_columns(
    header: Sequence[str], names: Sequence[str | None], rules: ColumnRules
) -> tuple[tuple[int, str, Kind], ...]:
    """Place, heading and kind of the columns without a meaning. Raises InvalidInputError."""
    kinds = {_word(heading): kind for heading, kind in rules.kinds.items()}
    ignored = set(map(_word, rules.ignored))
    found, seen = [], Counter[str]()
    passed_over = OF_REPORTS | (
        OF_EXPORTS if {_word(cell) for cell in header} >= OF_EXPORTS else set()
    )
    for place, name in enumerate(names):
        heading, word = _heading(header[place]), _word(header[place])
        if name or not heading or word in passed_over or word in ignored:
            continue
        if len(heading) > MOST_NAME:
            raise InvalidInputError(f"column {place + 1}", "has a heading that is too long")
        if _LOOKS_LIKE_A_NUMBER.search(heading):  # no heading, but somebody's
            heading = f"column {place + 1}"
        seen[heading] += 1
        label = heading if seen[heading] == 1 else f"{heading} {seen[heading]}"
        found.append((place, label, kinds.pop(word, Kind.TEXT)))
    if len(found) > MOST_ATTRIBUTES:
        raise InvalidInputError("columns", f"are more than {MOST_ATTRIBUTES}")
    if kinds:
        problem = f"the file has no such column of its own: {', '.join(sorted(kinds))}"
        raise InvalidInputError("type", problem)
    return tuple(found)


def column_rules(
    pairs: Iterable[str],
    file: Path | None,
    *,
    strict: bool,
    kinds: Iterable[str] = (),
    ignored: Iterable[str] = (),
) -> ColumnRules:
    """`pairs`: such as "phone=Telefono"; `file`: the same in TOML, phone = "Telefono". What is in `pairs` wins.
    `kinds`: such as "Nato il=date". Raises InvalidInputError."""
    chosen = _from_file(file) if file else {}
    for pair in pairs:
        name, sign, heading = pair.partition("=")
        if not sign or not heading.strip():
            raise InvalidInputError("map", "is written MEANING=HEADING, such as phone=Telefono")
        chosen[name.strip()] = heading.strip()
    for name in chosen:
        if name not in COLUMNS:
            known = ", ".join(COLUMNS)
            raise InvalidInputError(
                "map", f"{name!r} is no meaning of a column; there are: {known}"
            )
    return ColumnRules(chosen, strict, dict(map(_kind, kinds)), tuple(ignored))


def _meaning(word: str) -> str | None:
    for name, known in COLUMNS.items():
        if word in known:
            return name
    return "phone" if _ONE_MORE.sub("", word) in COLUMNS["phone"] else None


def _kind(pair: str) -> tuple[str, Kind]:
    heading, _, kind = pair.rpartition("=")
    if not heading.strip() or kind.strip() not in set(Kind):
        known = ", ".join(Kind)
        raise InvalidInputError("type", f"is written HEADING=KIND, the kinds being: {known}")
    return heading.strip(), Kind(kind.strip())


def _heading(cell: str) -> str:
    return " ".join("".join(filter(str.isprintable, cell.translate(INVISIBLE))).split())


def _from_file(file: Path) -> dict[str, str]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError("map-file", f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise InvalidInputError("map-file", "is not TOML") from None
    if not all(isinstance(heading, str) and heading.strip() for heading in found.values()):
        raise InvalidInputError("map-file", 'holds lines such as phone = "Telefono" only')
    return found


def _word(heading: str) -> str:
    return "_".join(heading.translate(INVISIBLE).lower().split())


def _place(
    name: str,
    heading: str,
    header: Sequence[str],
    words: Sequence[str],
    taken: Sequence[str | None],
) -> int:
    places = [place for place, word in enumerate(words) if word == _word(heading)]
    if not places:
        there = ", ".join(_shown(header, place) for place in range(len(header))) or "none"
        raise InvalidInputError(
            name, f"the first line has no column {heading!r}; there are: {there}"
        )
    if len(places) > 1:
        raise InvalidInputError(name, f"the first line has more than one column {heading!r}")
    if taken[places[0]] is not None:
        raise InvalidInputError("map", f"the column {heading!r} has two meanings")
    return places[0]


def _check_all_known(
    header: Sequence[str], words: Sequence[str], names: Sequence[str | None], typed: set[str]
) -> None:
    unknown = [
        _shown(header, place)
        for place, name in enumerate(names)
        if name is None and words[place] and words[place] not in OF_REPORTS | typed
    ]
    if unknown:
        raise InvalidInputError("columns", f"nobody knows what they mean: {', '.join(unknown)}")


def _shown(header: Sequence[str], place: int) -> str:
    """Never a number: the first line may be a person's, where somebody forgot the headings."""
    heading = " ".join(header[place].split())
    if not heading or len(heading) > 40 or _LOOKS_LIKE_A_NUMBER.search(heading):
        return f"column {place + 1}"
    return repr(heading)
