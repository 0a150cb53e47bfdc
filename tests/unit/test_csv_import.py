"""Reading leads from CSV files."""

import codecs
import csv
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.adapters.csv_rows import LINES_LIMIT, NEVER_CLOSED, TOO_LONG
from dialer.adapters.lead_table import Rejected, read_leads, safe_cell
from dialer.errors import InvalidInputError
from dialer.ids import CampaignId
from dialer.leads import NewLead
from dialer.phones import DECIMAL, EMERGENCY, SCIENTIFIC, SEVERAL_ZONES

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


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(read, delimiter):
    rows = read(delimiter.join(["name", "phone"]) + "\n" + delimiter.join(["Ada", "3471234567"]))
    assert rows == [lead("+393471234567", name="Ada")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_the_encoding_is_found_out(read, encoding):
    rows = read("phone,name\n3471234567,Nicolò\n".encode(encoding))
    assert rows == [lead("+393471234567", name="Nicolò")]


def test_a_letter_cut_in_two_by_a_block_is_still_utf_8(read):
    rows = read("phone,city,name\n" + f"3471234567,Bari,{'è' * 150}\n" * 5000)
    found = lead("+393471234567", name="è" * 150, attributes=(("city", "Bari"),))
    assert rows == [found] * 5000


@pytest.mark.parametrize(
    ("row", "field", "problem"),
    [
        (",Ada,,", "phone", "is empty"),
        ("no number,Ada,,", "phone", "is not a telephone number"),
        ("347123,Ada,,", "phone", "is not a valid telephone number"),
        ("3.47123E+09,Ada,,", "phone", SCIENTIFIC),
        ("3471234567,Ada\0,,", "name", "holds a control character"),
        ("3471234567,Ada\x1b[2J,,", "name", "holds a control character"),
        (f"3471234567,{'x' * 201},,", "name", "is longer than 200 characters"),
        (f"{'3' * 65},Ada,,", "phone", "is longer than 64 characters"),
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
        lead("+393471234567", name="Ada Lovelace"),
        Rejected(line=5, field="phone", problem="is not a valid telephone number"),
    ]


def test_short_and_empty_rows_are_no_fault(read):
    assert read("name,phone,zone\n\nAda,3471234567\n,,\n") == [lead("+393471234567", name="Ada")]


def test_columns_that_mean_nothing_here_are_kept_as_attributes(read):
    rows = read("city,phone,\n Bari ,3471234567,x\n,3471234568,\n")
    assert rows == [lead("+393471234567", attributes=(("city", "Bari"),)), lead("+393471234568")]


def test_a_file_with_a_header_only_has_no_leads(read):
    assert read("phone,name\n") == []


def test_the_last_line_needs_no_end(read):
    assert read("phone\n3471234567\n3471234568") == [
        lead("+393471234567"),
        lead("+393471234568"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_on_any_system(read, end):
    rows = read(end.join(["phone,name", '3471234567,"Ada', 'L."', "12,x", "3471234568,Ugo", ""]))
    assert rows == [
        lead("+393471234567", name="Ada L."),
        Rejected(line=4, field="phone", problem="is not a valid telephone number"),
        lead("+393471234568", name="Ugo"),
    ]


def test_the_line_in_which_a_spreadsheet_names_its_delimiter_is_understood(read):
    rows = read("sep=;\nphone;name\n3471234567;a,b,c\n12;x\n")
    assert rows[0] == lead("+393471234567", name="a,b,c")
    assert rows[1] == Rejected(line=4, field="phone", problem="is not a valid telephone number")


def test_a_file_that_is_binary_has_no_column_of_numbers(read):
    with pytest.raises(InvalidInputError, match="phone: the first line names no column"):
        read(b"\x00\xff\xfe" * 500)


# --- cells and quotes that never end ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("columns", "field"), [("phone,name", "name"), ("phone,notes", "notes")])
def test_a_cell_of_a_megabyte_costs_its_row_only_and_is_named(read, columns, field):
    rows = read(f"{columns}\n3471234567,{'x' * 1_000_000}\n3471234568,Ugo\n3471,Ida\n")
    assert rows[0] == Rejected(line=2, field=field, problem=TOO_LONG)
    assert rows[1].phone == "+393471234568"
    assert rows[2].line == 4


def test_a_quoted_cell_of_a_megabyte_too(read):
    rows = read(f'name,phone\n"{"x, y" * 250_000}",3471234567\nUgo,3471234568\n')
    assert rows == [
        Rejected(line=2, field="name", problem=TOO_LONG),
        lead("+393471234568", name="Ugo"),
    ]


def test_a_megabyte_of_lines_in_quotes_is_no_row(read):
    rows = read('phone,name\n3471234567,"' + "x\n" * 500_000 + '"\n3471234568,Ugo\n')
    assert rows[0] == Rejected(line=2, field="row", problem=NEVER_CLOSED)
    assert rows[-1] == lead("+393471234568", name="Ugo")


def test_a_first_line_of_a_megabyte_is_refused(read):
    with pytest.raises(InvalidInputError, match="file: its first line is larger than"):
        read("phone," + "x" * 1_000_000 + "\n3471234567\n")


def test_a_quote_that_is_never_closed_costs_its_line_only(read):
    rows = read(
        'phone,name\n3471234567,"Ada\n' + "3471234568,Ugo\n" * 3 * LINES_LIMIT + "3471234569,Ida"
    )
    assert rows[0] == Rejected(line=2, field="row", problem=NEVER_CLOSED)
    assert rows[1:] == [lead("+393471234568", name="Ugo")] * 3 * LINES_LIMIT + [
        lead("+393471234569", name="Ida")
    ]


def test_nor_does_one_near_the_end_of_the_file(read):
    rows = read('phone,name\n3471234567,"Ada\n3471234568,Ugo\n12,Ida\n')
    assert rows == [
        Rejected(line=2, field="row", problem=NEVER_CLOSED),
        lead("+393471234568", name="Ugo"),
        Rejected(line=4, field="phone", problem="is not a valid telephone number"),
    ]


def test_nor_one_before_a_line_that_is_too_long(read):
    rows = read(f'phone,name\n3471234567,"Ada\n3471234568,Ugo\n{"x" * 200_000}\n12,Ida\n')
    assert {row.line: row.problem for row in rows if isinstance(row, Rejected)} == {
        2: NEVER_CLOSED,
        4: TOO_LONG,
        5: "is not a valid telephone number",
    }
    assert [row for row in rows if isinstance(row, NewLead)] == [lead("+393471234568", name="Ugo")]


def test_a_quote_inside_a_cell_is_a_character(read):
    assert read('phone,name\n3471234567,Ada 5" tall\n3471234568,Ugo\n') == [
        lead("+393471234567", name='Ada 5" tall'),
        lead("+393471234568", name="Ugo"),
    ]


@given(st.text('ab",;\n\r', max_size=200))
def test_whatever_the_quotes_no_line_with_a_number_is_lost_unsaid(tmp_path_factory, text):
    """Every line from the first is inside a lead's row, a rejected row, or empty."""
    path = tmp_path_factory.mktemp("quotes") / "leads.csv"
    path.write_text("phone,name\n" + text + "\n3471234567,the last\n", newline="")
    rows = list(read_leads(path, CAMPAIGN))
    assert rows
    last = rows[-1]
    assert isinstance(last, Rejected) or last.name.endswith("the last")


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("112", EMERGENCY),
        ("113", EMERGENCY),
        ("118", EMERGENCY),
        ("+39 112", EMERGENCY),
        ("911", "is not a valid telephone number"),
        ("899 123 456", "is a premium-rate number, which is never called"),
        ("+39899123456", "is a premium-rate number, which is never called"),
        ("892 123", "is a premium-rate number, which is never called"),
        ("848 123456", "is a number at a special rate, which is never called"),
        ("199 123456", "is a number at a special rate, which is never called"),
        ("+1 900 555 0123", "is a premium-rate number, which is never called"),
        ("3.91234E+11", SCIENTIFIC),
        ("3,91234e+11", SCIENTIFIC),
        ("393471234567.0", DECIMAL),
        ("0669821234.0", DECIMAL),
        ("3471234567 (mamma)", "holds letters"),
        ("347 FLOWERS", "holds letters"),
        ("=cmd|' /C calc'!A0", "is not a telephone number"),
        ("@SUM(1+1)", "is not a telephone number"),
        ("347123456\0", "holds a control character"),
        ("347123\n4567", "holds a control character"),
        ("3471234567;3481234567", "has an extension, which cannot be dialled"),
        ("3471234567, 3481234567", "is not a telephone number"),
        ("3471234567 / 3481234567", "is not a telephone number"),
    ],
)
def test_a_number_that_is_not_rung_is_rejected_with_the_reason(read, written, problem):
    rows = read(f'name,phone\nAda,"{written}"\n')
    assert rows == [Rejected(line=2, field="phone", problem=problem)]


@pytest.mark.parametrize(
    ("written", "phone"),
    [
        ("'3471234567", "+393471234567"),
        ("'+39 347 1234567", "+393471234567"),
        ("\u200b347\u200b1234567\ufeff", "+393471234567"),
        ("\u202a+39 347 1234567\u202c", "+393471234567"),
        ("347\u00a0123\u00a04567", "+393471234567"),
        ("+39 (0)6 69821234", "+390669821234"),
        ("+39 (0)347 1234567", "+393471234567"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("0044 20 7946 0958", "+442079460958"),
        ("00393471234567", "+393471234567"),
        ("347/1234567", "+393471234567"),
        ("(06) 6982-1234", "+390669821234"),
        ("３４７１２３４５６７", "+393471234567"),
        ("800 123456", "+39800123456"),
    ],
)
def test_a_number_is_read_however_it_is_written(read, written, phone):
    (found,) = read(f'phone\n"{written}"\n')
    assert isinstance(found, NewLead), found
    assert found.phone == phone


# --- zones ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "zone"),
    [
        ("+390669821234", "Europe/Rome"),
        ("+393471234567", "Europe/Rome"),
        ("+442079460958", "Europe/London"),
        ("+33612345678", "Europe/Paris"),
        ("+12125550123", "America/New_York"),
        ("+13105550123", "America/Los_Angeles"),
        ("+34912345678", "Europe/Madrid"),
    ],
)
def test_a_row_without_a_zone_has_the_zone_of_its_number(read, phone, zone):
    assert read(f"phone\n{phone}\n") == [lead(phone, zone=zone)]


def test_the_column_wins_over_the_number(read):
    rows = read("phone,zone\n+393471234567,Asia/Tokyo\n")
    assert rows == [lead("+393471234567", zone="Asia/Tokyo")]


def test_a_country_with_several_zones_needs_to_be_told_which(read):
    content = "phone,zone\n+34612345678,\n+34612345678,Atlantic/Canary\n+61412345678,\n"
    several = [Rejected(line=n, field="zone", problem=SEVERAL_ZONES) for n in (2, 4)]
    canary = lead("+34612345678", zone="Atlantic/Canary")
    assert read(content) == [several[0], canary, several[1]]
    madrid = lead("+34612345678", zone="Europe/Madrid")
    assert read(content, zone="Europe/Madrid") == [madrid, canary, several[1]]


# --- formulas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1+1", "@SUM(A1)", "-2+3"])
def test_a_formula_is_stored_as_text_and_given_out_so_that_no_spreadsheet_runs_it(read, name):
    assert read(f'phone,name\n3471234567,"{name}"\n') == [lead("+393471234567", name=name)]
    out = safe_cell(name)
    assert out == f"'{name}"
    assert read(f'phone,name\n3471234567,"{out}"\n') == [lead("+393471234567", name=name)]


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_no_cell_that_is_given_out_begins_like_a_formula(text):
    assert not safe_cell(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝"))


def test_a_dutch_town_keeps_its_apostrophe(read):
    assert read("phone,name\n3471234567,'s-Hertogenbosch\n")[0].name == "'s-Hertogenbosch"


def test_characters_without_width_do_not_hide_a_column_or_a_name(read):
    rows = read("\u200bphone,name\u200b\n3471234567,\u200bAda\ufeff\n")
    assert rows == [lead("+393471234567", name="Ada")]


# --- files that are none ----------------------------------------------------------------------------------------------


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="file: cannot be read: Is a directory"):
        list(read_leads(tmp_path, CAMPAIGN))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="file: cannot be read: No such file"):
        list(read_leads(tmp_path / "none.csv", CAMPAIGN))


def test_a_file_that_the_system_will_not_read_is_refused():
    with pytest.raises(InvalidInputError, match="file: cannot be read: "):
        list(read_leads(Path("/proc/self/mem"), CAMPAIGN))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="file: is not a regular file"):
        list(read_leads(tmp_path / "pipe", CAMPAIGN))


def test_the_mark_of_the_encoding_is_no_part_of_the_first_heading(read):
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le")):
        content = mark + '"phone";"name"\n"3471234567";"Ada"\n'.encode(encoding)
        assert read(content) == [lead("+393471234567", name="Ada")]


def test_what_python_writes_is_read_back(tmp_path):
    names = ['a,"b"', "c;d", "e\tf", "g|h", "i 'j'", "k"]
    path = tmp_path / "leads.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "phone"])
        writer.writerows([[name, "3471234567"] for name in names])
    read = [row.name for row in read_leads(path, CAMPAIGN) if isinstance(row, NewLead)]
    assert read == ['a,"b"', "c;d", "e f", "g|h", "i 'j'", "k"]


@pytest.mark.parametrize("content", ["", "\n", "name,zone\nAda,\n", "3471234567\n"])
def test_a_file_without_a_column_of_numbers_is_refused(read, content):
    with pytest.raises(InvalidInputError, match="phone: the first line names no column"):
        read(content)


def test_a_file_with_too_many_columns_of_numbers_is_refused(read):
    heads = ",".join(["telefono"] * 11)
    with pytest.raises(InvalidInputError, match="phone: the first line names more than 10"):
        read(f"{heads}\n3471234567\n")


@pytest.mark.parametrize(
    ("content", "phones"),
    [
        ("telefono,cellulare\n0612345678,3471234567\n", ["+390612345678", "+393471234567"]),
        ("phone,name,phone_2,Telefono 3\n3471234567,Ada,0612345678,3471234568\n",
         ["+393471234567", "+390612345678", "+393471234568"]),
        ("phone,other_phones\n3471234567,0612345678; +39 347 1234568\n",
         ["+393471234567", "+390612345678", "+393471234568"]),
        ("phone,phone_2\n3471234567,347 123 4567\n", []),  # the same one
        ("phone,phone_2\n,3471234567\n", []),
        ("phone,phone_2\n3471234567,\n", []),
    ],
)  # fmt: skip
def test_a_person_may_have_several_numbers(read, content, phones):
    (lead,) = read(content)
    assert [one.phone for one in lead.numbers] == phones
    assert lead.phone == (phones[0] if phones else "+393471234567")


def test_each_number_has_its_own_zone_unless_the_row_says_one(read):
    (lead,) = read("phone,phone_2\n3471234567,+442071838750\n")
    assert [one.zone for one in lead.numbers] == ["Europe/Rome", "Europe/London"]
    (lead,) = read("phone,phone_2,zone\n3471234567,+442071838750,Europe/Madrid\n")
    assert {one.zone for one in lead.numbers} == {"Europe/Madrid"}


def test_what_is_no_number_beside_a_number_is_kept_and_not_rung(read):
    (lead,) = read("phone,phone_2,phone_3\nn/d,3471234567,118\n")
    assert (lead.phone, lead.numbers) == ("+393471234567", ())
    assert lead.attributes == (("not_a_number_1", "n/d"), ("not_a_number_2", "118"))


def test_a_person_without_any_number_is_rejected(read):
    (row,) = read("phone,phone_2,name\nn/d,118,Ada\n")
    assert (row.field, row.problem) == ("phone", "is not a telephone number")
    (row,) = read("phone,phone_2,name\n,,Ada\n")
    assert (row.field, row.problem) == ("phone", "is empty")


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
