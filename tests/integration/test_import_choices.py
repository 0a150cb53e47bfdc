"""What a user may choose of an import: columns, form of the file, where a lead must be the only one, a look before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialer.adapters.csv_rows import survey
from dialer.adapters.lead_columns import column_rules
from dialer.adapters.lead_source import open_source
from dialer.adapters.sql.duplicates import By, Dedupe, Scope
from dialer.adapters.sql.store import open_stores
from dialer.config import CampaignSettings, ClientSettings, DatabaseSettings, Settings
from dialer.errors import InvalidInputError, NotFoundError
from dialer.ids import CampaignId
from dialer.lead_file import ImportOptions, import_file
from dialer.lead_preview import Fate, preview_file
from tests.support import postgres
from tests.support.postgres import Cluster
from tests.support.workbooks import write_workbook


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres.cluster() as running:
        yield running


def settings_for(url: str) -> Settings:
    """Spring and autumn are of one client, the other is of another."""
    campaigns = (
        CampaignSettings(id="spring", name="Spring"),
        CampaignSettings(id="autumn", name="Autumn"),
        CampaignSettings(id="other", name="Other", client="acme"),
    )
    clients = (ClientSettings(id="acme", name="Acme"),)
    return Settings(database=DatabaseSettings(url=url), campaigns=campaigns, clients=clients)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "sqlite":
        yield settings_for(f"sqlite:///{tmp_path / 'dialer.sqlite3'}")
        return
    running: Cluster = request.getfixturevalue("cluster")
    running.sql("postgres", "CREATE DATABASE choices")
    yield settings_for(running.url("choices"))
    running.sql("postgres", "DROP DATABASE choices WITH (FORCE)")


@pytest.fixture
def plain(tmp_path: Path) -> Settings:
    return settings_for(f"sqlite:///{tmp_path / 'dialer.sqlite3'}")


def written(folder: Path, *lines: str, name: str = "leads.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([*lines, ""]))
    return path


async def names_in(settings: Settings, campaign: str) -> list[str]:
    stores = await open_stores(settings.database.url)
    found = await stores.leads.page(CampaignId(campaign), after=None, limit=100, state=None)
    await stores.close()
    return [lead.name for lead in found]


async def added(
    settings: Settings, file: Path, campaign: str = "spring", **options: object
) -> tuple[int, int]:
    chosen = ImportOptions(batch=2, workers=0, **options)  # type: ignore[arg-type]
    report = await import_file(settings, file, campaign, chosen)
    return report.totals.added, report.totals.duplicates


# --- columns ----------------------------------------------------------------------------------------------------------


async def test_columns_are_read_as_the_user_says(plain: Settings, tmp_path: Path) -> None:
    file = written(tmp_path, "Casa,Cellulare,Chi,Cognome", "06 6982 1234,3471234567,Ada,Rossi")
    rules = column_rules(["phone=cellulare", "first_name=Chi"], None, strict=False)
    assert await added(plain, file, columns=rules) == (1, 0)
    assert await names_in(plain, "spring") == ["Ada Rossi"]


def test_a_map_may_come_in_a_file_and_the_command_wins(tmp_path: Path) -> None:
    file = written(tmp_path, 'phone = "Telefono"', 'name = "Chi"', name="map.toml")
    rules = column_rules(["name=Nome"], file, strict=True)
    assert rules.chosen == {"phone": "Telefono", "name": "Nome"}


@pytest.mark.parametrize("pair", ["phone", "phone=", "colour=Colore", "=x"])
def test_a_map_that_cannot_be_is_refused(pair: str) -> None:
    with pytest.raises(InvalidInputError, match="map: "):
        column_rules([pair], None, strict=False)


@pytest.mark.parametrize("content", ["phone = 1", "phone: Telefono", "[phone]\na = 'b'"])
def test_a_map_file_that_cannot_be_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(InvalidInputError, match="map-file: "):
        column_rules([], written(tmp_path, content, name="map.toml"), strict=False)


async def test_what_is_said_of_headings_never_holds_a_number(
    plain: Settings, tmp_path: Path
) -> None:
    file = written(tmp_path, "347 123 4567,Ada")
    rules = column_rules(["phone=Telefono"], None, strict=False)
    with pytest.raises(InvalidInputError) as refused:
        await added(plain, file, columns=rules)
    assert "123" not in str(refused.value)
    assert "column 1, 'Ada'" in str(refused.value)


async def test_a_number_in_the_first_line_names_no_attribute(
    plain: Settings, tmp_path: Path
) -> None:
    file = written(tmp_path, "phone,347 123 4567", f"3471234568,{'x' * 2001}")
    found = await preview_file(plain, file, "spring", ImportOptions(), 1)
    assert [row.field for row in found.rows] == ["column 2"]


async def test_a_report_can_be_mended_and_imported_strictly(
    plain: Settings, tmp_path: Path
) -> None:
    strict = column_rules([], None, strict=True)
    file = written(tmp_path, "phone,name", "12,Ada")
    assert await added(plain, file, columns=strict) == (0, 0)
    report = tmp_path / "leads.rejected.csv"
    report.write_text(report.read_text("utf-8-sig").replace(",12,", ",3471234567,"))
    assert await added(plain, report, columns=strict) == (1, 0)


async def test_columns_of_ones_own_become_attributes(settings: Settings, tmp_path: Path) -> None:
    kinds = ["nato il=date", "Paga=decimal", "figli=integer", "cliente vip=boolean"]
    rules = column_rules([], None, strict=False, kinds=kinds, ignored=["Segreto"])
    heads = "phone,Nato il,Paga,Figli,Cliente VIP,Note,Note,Segreto"
    file = written(tmp_path, heads, '3471234567,23/11/2000,"12,50",2,sì,\'=a,b,x', "3471234568")
    assert await added(settings, file, columns=rules) == (2, 0)
    stores = await open_stores(settings.database.url)
    first, second = await stores.leads.page(CampaignId("spring"), after=None, limit=9, state=None)
    await stores.close()
    assert dict(first.attributes) == {
        "Nato il": "2000-11-23",
        "Paga": "12.50",
        "Figli": 2,
        "Cliente VIP": True,
        "Note": "=a",
        "Note 2": "b",
    }
    assert second.attributes == ()


@pytest.mark.parametrize("pair", ["born", "born=instant", "=date"])
def test_a_kind_that_cannot_be_is_refused(pair: str) -> None:
    with pytest.raises(InvalidInputError, match="type: "):
        column_rules([], None, strict=False, kinds=[pair])


# --- forms of files ---------------------------------------------------------------------------------------------------

ROWS = [(f"+39347{n:07d}", f"Però {n}", n % 3) for n in range(9)]


def in_form(form: str, folder: Path) -> Path:
    path = folder / f"leads.{form}"
    match form:
        case "csv":
            path.write_text("phone,name,priority\n" + "".join(f"{a},{b},{c}\n" for a, b, c in ROWS))
        case "jsonl":
            rows = ({"name": b, "phone": a, "priority": c} for a, b, c in ROWS)
            path.write_text("\n".join(map(json.dumps, rows)))
        case _:
            write_workbook(path, [["phone", "name", "priority"], *map(list, ROWS)])
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx"])
def test_every_form_gives_the_same_rows(tmp_path: Path, form: str) -> None:
    path = in_form(form, tmp_path)
    with open_source(path, survey(path)) as source:
        heads = source.header.cells
        found = [dict(zip(heads, row.cells, strict=True)) for row in source.rows()]
    assert found == [{"phone": a, "name": b, "priority": str(c)} for a, b, c in ROWS]


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx"])
async def test_every_form_gives_the_same_leads(plain: Settings, tmp_path: Path, form: str) -> None:
    assert await added(plain, in_form(form, tmp_path)) == (9, 0)
    assert await names_in(plain, "spring") == [name for _, name, _ in ROWS]
    assert await added(plain, in_form("csv", tmp_path)) == (0, 9)


def test_keys_of_json_lines_may_differ_from_line_to_line(tmp_path: Path) -> None:
    path = written(tmp_path, '{"phone": "1"}', "", '{"name": "Ada", "phone": null}')
    with open_source(path, survey(path)) as source:
        assert source.header.cells == ["phone", "name"]
        assert [(row.line, row.cells) for row in source.rows()] == [
            (1, ["1", ""]),
            (3, ["", "Ada"]),
        ]


def test_what_a_workbook_of_another_program_holds_is_read(tmp_path: Path) -> None:
    path = tmp_path / "leads.xlsx"
    shared = ["phone", "Rossi &_x000D_ <co>"]
    first = [{"t": "s", "v": 0}, "born", "pays"]
    second = [{"s": 2, "v": 669821234}, {"s": 1, "v": 36526.5}, {"t": "b", "v": 1}]
    write_workbook(path, [first, [], second, [{"t": "s", "v": 1}]], shared=shared)
    with open_source(path, survey(path)) as source:
        assert [(row.line, row.cells) for row in source.rows()] == [
            (3, ["0669821234", "2000-01-01T12:00:00", "true"]),
            (4, ["Rossi &\r <co>"]),
        ]


# --- duplicates -------------------------------------------------------------------------------------------------------


async def test_a_number_once_in_all_campaigns_of_the_client(
    settings: Settings, tmp_path: Path
) -> None:
    file = written(tmp_path, "phone,name", "3471234567,Ada", "3471234568,Ugo", "3471234569,Ida")
    few = written(tmp_path, "phone,name", "3471234567,Ada", name="few.csv")
    assert await added(settings, few, "autumn") == (1, 0)
    assert await added(settings, few, "other") == (1, 0)
    by_client = Dedupe(Scope.CLIENT, By.NUMBER)
    assert await added(settings, file, "spring", dedupe=by_client) == (2, 1)
    assert await added(settings, file, "other", dedupe=by_client) == (2, 1)
    assert await added(settings, file, "autumn") == (2, 1)


@pytest.mark.parametrize(
    ("scope", "added_in_autumn", "added_in_new_list"),
    [(Scope.LIST, 3, 2), (Scope.CAMPAIGN, 3, 1), (Scope.CLIENT, 2, 1)],
)
async def test_an_external_id_once(
    settings: Settings, tmp_path: Path, scope: Scope, added_in_autumn: int, added_in_new_list: int
) -> None:
    first = ["3471234567,A,Ada", "3471234568,B,Ugo", "3471234569,A,Ada again", "3471234560,,Ida"]
    later = ["3481234567,A,Ada later", "3481234568,,Eva", "3471234567,Z,known number"]
    file = written(tmp_path, "phone,id,name", *first)
    more = written(tmp_path, "phone,id,name", *later, name="more.csv")
    rule = Dedupe(scope, By.EXTERNAL_ID)
    assert await added(settings, file, dedupe=rule) == (3, 1)
    assert await names_in(settings, "spring") == ["Ada", "Ugo", "Ida"]
    assert await added(settings, more, dedupe=rule, list_name="new") == (
        added_in_new_list,
        3 - added_in_new_list,
    )
    assert (await added(settings, more, "autumn", dedupe=rule))[0] == added_in_autumn


def test_a_list_by_number_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="dedupe: "):
        Dedupe(Scope.LIST, By.NUMBER)


# --- a look before ----------------------------------------------------------------------------------------------------


async def test_a_preview_tells_the_fate_of_rows(settings: Settings, tmp_path: Path) -> None:
    file = written(tmp_path, "phone,name", "3471234567,Ada")
    await added(settings, file)
    rows = ["3471234567,Ada", "12,x", "3471234568,Ugo", "+393471234568,Ugo", "3471234569,Ida"]
    more = written(tmp_path, "phone,nome", *rows, name="more.csv")
    found = await preview_file(settings, more, "Spring", ImportOptions(list_name="new"), 4)
    assert [(row.line, row.fate) for row in found.rows] == [
        (2, Fate.DUPLICATE),
        (3, Fate.REJECTED),
        (4, Fate.ADDED),
        (5, Fate.DUPLICATE),
    ]
    assert found.columns == [("phone", "phone"), ("nome", "name")]
    assert found.exit_code() == 3
    stores = await open_stores(settings.database.url)
    lists = await stores.lists.all(CampaignId("spring"))
    await stores.close()
    assert [each.settings.name for each in lists] == [""]


async def test_a_preview_makes_no_database(plain: Settings, tmp_path: Path) -> None:
    file = written(tmp_path, "phone", "3471234567", "3471234567")
    found = await preview_file(plain, file, "spring", ImportOptions(), 10)
    assert [row.fate for row in found.rows] == [Fate.ADDED, Fate.DUPLICATE]
    assert not (tmp_path / "dialer.sqlite3").exists()
    with pytest.raises(NotFoundError):
        await preview_file(plain, file, "nowhere", ImportOptions(), 10)
