"""What `dialer doctor` sees of the pacing log's folder."""

from pathlib import Path

from dialer.doctor_facts import PacingLogFacts
from dialer.doctor_host import look_at_pacing_log


def test_a_folder_that_will_be_made_is_tried_above_it_and_nothing_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pacing-log"
    assert look_at_pacing_log(folder) == PacingLogFacts(folder=str(folder))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_tried_itself_and_nothing_is_left(tmp_path: Path) -> None:
    assert look_at_pacing_log(tmp_path).problem == ""
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "pacing-log").write_text("")
    assert look_at_pacing_log(tmp_path / "pacing-log").problem == "Not a directory"


def test_where_nobody_may_write_the_systems_reason_is_told() -> None:
    """Not even root may there."""
    assert look_at_pacing_log(Path("/proc/pacing-log")).problem
