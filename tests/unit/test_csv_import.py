"""Reading leads from CSV files."""

from pathlib import Path

import pytest

from dialer.adapters.csv_import import Rejected, read_leads
from dialer.errors import InvalidInputError
from dialer.ids import CampaignId
from dialer.leads import NewLead

CAMPAIGN = CampaignId("spring")


def lead(phone: str, **facts: object) -> NewLead:
    return NewLead(campaign_id=CAMPAIGN, phone=phone, **facts)  # type: ignore[arg-type]


@pytest.fixture
def read(tmp_path: Path):
    def read(content: str | bytes, **options: str) -> list[NewLead | Rejected]:
        path = tmp_path / "leads.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(read_leads(path, CAMPAIGN, **options))

    return read


def test_a_row_becomes_a_lead(read):
    rows = read("phone,name,zone,priority,external_id\n+393471234567,Ada,Europe/London,3,A-17\n")
    assert rows == [
        lead("+393471234567", name="Ada", zone="Europe/London", priority=3, external_id="A-17")
    ]


def test_only_the_number_is_needed(read):
    assert read("phone\n+393471234567\n") == [lead("+393471234567", zone="Europe/Rome")]


@pytest.mark.parametrize(
    "written", ["347 123 4567", "0039 347 1234567", "+39 347-123.4567", "393471234567"]
)
def test_an_italian_number_is_normalised_however_it_is_written(read, written):
    assert read(f"phone\n{written}\n") == [lead("+393471234567")]


def test_the_zero_of_an_italian_landline_stays(read):
    assert read("phone\n06 6982 1234\n") == [lead("+390669821234")]


def test_a_number_without_prefix_is_of_the_region(read):
    rows = read("phone\n(212) 555-0123\n", region="US", zone="America/New_York")
    assert rows == [lead("+12125550123", zone="America/New_York")]


def test_italian_headings_are_understood(read):
    rows = read(
        "Telefono;Nominativo;Fuso orario;Priorità;Codice cliente\n"
        "3471234567;Ugo Foscolo;Europe/Rome;2;77\n"
    )
    assert rows == [lead("+393471234567", name="Ugo Foscolo", priority=2, external_id="77")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_out(read, delimiter):
    rows = read(delimiter.join(["name", "phone"]) + "\n" + delimiter.join(["Ada", "3471234567"]))
    assert rows == [lead("+393471234567", name="Ada")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_encoding_is_found_out(read, encoding):
    rows = read("phone,name\n3471234567,Nicolò\n".encode(encoding))
    assert rows == [lead("+393471234567", name="Nicolò")]


def test_a_letter_cut_in_two_by_the_block_of_the_first_reading_is_still_utf_8(read):
    rows = read("phone,name\n" + "3471234567," + "è" * 70_000 + "\n")
    assert rows == [lead("+393471234567", name="è" * 70_000)]


@pytest.mark.parametrize(
    ("row", "field", "problem"),
    [
        (",Ada,,", "phone", "is empty"),
        ("no number,Ada,,", "phone", "is not a telephone number"),
        ("347123,Ada,,", "phone", "is not a valid telephone number"),
        ("3.47123E+09,Ada,,", "phone", "is not a telephone number"),
        ("3471234567 int. 12,Ada,,", "phone", "has an extension, which cannot be dialled"),
        ("+39 06 69821234 ext. 12,Ada,,", "phone", "has an extension, which cannot be dialled"),
        ("3471234567,Ada,Europe/Atlantis,", "zone", "is not an IANA time zone"),
        ("3471234567,Ada,../../etc/passwd,", "zone", "is not an IANA time zone"),
        ("3471234567,Ada,,high", "priority", "is not a whole number"),
        ("3471234567,Ada,,99999999999", "priority", "is too large"),
        ("3471234567,Ada,,1,more", "row", "has more cells than the first line"),
    ],
)
def test_a_bad_row_is_rejected_with_its_line_and_its_field(read, row, field, problem):
    rows = read(f"phone,name,zone,priority\n3471234560,Ugo,,\n{row}\n3471234561,Ida,,\n")
    assert rows[1] == Rejected(line=3, field=field, problem=problem)
    assert [type(row) for row in rows] == [NewLead, Rejected, NewLead]


def test_a_rejection_never_repeats_the_number(read):
    (rejected,) = read("phone\n34712399\n")
    assert "34712399" not in repr(rejected)


def test_the_line_is_where_the_row_begins_even_after_a_name_on_two_lines(read):
    rows = read('phone,name\n3471234567,"Ada\nLovelace"\n\n12,Ugo\n')
    assert rows == [
        lead("+393471234567", name="Ada\nLovelace"),
        Rejected(line=5, field="phone", problem="is not a valid telephone number"),
    ]


def test_a_cell_without_end_costs_its_row_only(read):
    rows = read(f"phone,name\n3471234567,{'x' * 200_000}\n3471234568,Ugo\n")
    assert rows == [
        Rejected(line=2, field="row", problem="is not readable as CSV"),
        lead("+393471234568", name="Ugo"),
    ]


def test_short_and_empty_rows_are_no_fault(read):
    assert read("name,phone,zone\n\nAda,3471234567\n,,\n") == [lead("+393471234567", name="Ada")]


def test_columns_that_mean_nothing_here_are_passed_over(read):
    assert read("city,phone\nBari,3471234567\n") == [lead("+393471234567")]


@pytest.mark.parametrize("content", ["", "\n", "name,zone\nAda,\n", "3471234567\n"])
def test_a_file_without_a_column_of_numbers_is_refused(read, content):
    with pytest.raises(InvalidInputError, match="phone: the first line names no column"):
        read(content)


def test_a_file_with_two_columns_of_numbers_is_refused(read):
    with pytest.raises(InvalidInputError, match="phone: the first line names more than one"):
        read("telefono,cellulare\n3471234567,3471234568\n")


@pytest.mark.parametrize("option", [{"region": "XX"}, {"zone": "Mars/Olympus"}])
def test_an_unknown_region_or_zone_is_refused(read, option):
    with pytest.raises(InvalidInputError):
        read("phone\n3471234567\n", **option)


def test_leads_come_before_the_whole_file_is_read(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("phone\n" + "".join(f"347{number:07d}\n" for number in range(1000, 60_000)))
    leads = read_leads(path, CAMPAIGN)
    assert next(leads) == lead("+393470001000")
    leads.close()
