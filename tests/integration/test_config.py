"""Settings: what is wrong is named by its field, and a key that does not exist by the nearest that does."""

from pathlib import Path

import pytest

from dialer.config import Settings, read_settings
from dialer.errors import InvalidInputError


def read(folder: Path, text: str) -> Settings:
    path = folder / "dialer.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path)


def refused(folder: Path, text: str) -> tuple[str, str]:
    with pytest.raises(InvalidInputError) as refusal:
        read(folder, text)
    return refusal.value.field, refusal.value.problem


def test_without_a_file_everything_has_a_value() -> None:
    settings = read_settings(None)
    assert settings.api.host == "127.0.0.1"
    assert settings.database.url.startswith("sqlite")


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("[asterisk]\nhots = 'x'", "asterisk.hots", "did you mean 'host'?"),
        ("[asterik]\nhost = 'x'", "asterik", "did you mean 'asterisk'?"),
        ("[[campaigns]]\nid = 'a'\nline = 3", "campaigns.0.line", "did you mean 'lines'?"),
        ("[[agents]]\ncode = '1'\nnames = 'x'", "agents.0.names", "did you mean 'name'?"),
        ("[api]\nzzz = 1", "api.zzz", "there are: host, port"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(
    tmp_path: Path, text: str, field: str, words: str
) -> None:
    named, problem = refused(tmp_path, text)
    assert named == field
    assert words in problem


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[asterisk]\nport = 0", "asterisk.port"),
        ("[api]\nport = 70000", "api.port"),
        ("[redis]\nurl = 'redis.example:6379'", "redis.url"),
        ("[redis]\nprefix = 'a b'", "redis.prefix"),
        ("[[campaigns]]\nid = 'a b'", "campaigns.0.id"),
        ("[[campaigns]]\nid = 'a'\npurpose = 'fun'", "campaigns.0.purpose"),
        ("[[clients]]\nname = 'no id'", "clients.0.id"),
        ("[[campaigns]]\nname = 'no id'", "campaigns.0.id"),
        ("[[campaigns]]\nid = 'a'\n[[campaigns]]\nid = 'b'\nlines = 0", "campaigns.1.lines"),
        ("[[campaigns]]\nid = 'a'\nmode = 'reckless'", "campaigns.0.mode"),
        ("[[campaigns]]\nid = 'a'\ndial_ratio = 0.5", "campaigns.0.dial_ratio"),
        ("[[campaigns]]\nid = 'a'\nabandon_target = 3", "campaigns.0.abandon_target"),
        ("[[campaigns]]\nid = 'a'\nring_timeout_seconds = 1", "campaigns.0.ring_timeout_seconds"),
        ("[[campaigns]]\nid = 'a'\ntrunks = ['a/b']", "campaigns.0.trunks.0"),
        ("[[trunks]]\nid = 'a'\ndial = 'PJSIP/carrier'", "trunks.0.dial"),
        ("[[trunks]]\nid = 'a'\ndial = 'PJSIP/{number}@a,b'", "trunks.0.dial"),
        ("[[trunks]]\nid = 'a'\nprefixes = ['39']", "trunks.0.prefixes.0"),
        ("[[trunks]]\nid = 'a'\ncountry = 'Italy'", "trunks.0.country"),
        ("[[trunks]]\nid = 'a'\nnumber_format = 'national'", "trunks.0"),
        ("[[trunks]]\nid = 'a'\nlines = 0", "trunks.0.lines"),
        ("[[trunks]]\nid = 'a'\n[[trunks]]\nid = 'a'", "settings"),
        ("[[trunks]]\nid = 'a'\n[[campaigns]]\nid = 'c'\ntrunks = ['b']", "settings"),
        ("[[campaigns]]\nid = 'a'\ncaller_id = 'Anna'", "campaigns.0.caller_id"),
        ("[[agents]]\ncode = '10x'", "agents.0.code"),
        ("log_level = 'LOUD'", "log_level"),
    ],
)
def test_a_value_that_is_not_acceptable_is_named_by_its_field(
    tmp_path: Path, text: str, field: str
) -> None:
    assert refused(tmp_path, text)[0] == field


def test_no_refusal_repeats_a_secret(tmp_path: Path) -> None:
    field, problem = refused(tmp_path, "[asterisk]\nsecret = ['hunter2']")
    assert field == "asterisk.secret"
    assert "hunter2" not in problem


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    field, problem = refused(tmp_path, "[asterisk\n")
    assert field.endswith("dialer.toml")
    assert "line 1" in problem


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="No such file"):
        read_settings(tmp_path / "none.toml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInputError, match="UTF-8"):
        read_settings(path)


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALER_ASTERISK__SECRET", "from-outside")
    settings = read(tmp_path, "[asterisk]\nsecret = 'in the file'\nhost = 'pbx'")
    assert settings.asterisk.secret.get_secret_value() == "from-outside"
    assert settings.asterisk.host == "pbx"
    assert "from-outside" not in repr(settings)


TWO = """
[[asterisks]]
name = "roma"
host = "10.0.0.1"

[[asterisks]]
name = "milano-2"
host = "10.0.0.2"
tls = true
"""


def test_one_server_is_the_only_one(tmp_path: Path) -> None:
    settings = read(tmp_path, "[asterisk]\nhost = 'pbx'")
    assert [(node, each.host) for node, each in settings.servers.items()] == [("asterisk", "pbx")]


def test_several_servers_by_name_each_with_its_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALER_ASTERISK__SECRET", "common")
    monkeypatch.setenv("DIALER_ASTERISK_MILANO_2__SECRET", "its own")
    servers = read(tmp_path, TWO).servers
    assert {node: (s.host, s.secret.get_secret_value()) for node, s in servers.items()} == {
        "roma": ("10.0.0.1", "common"),
        "milano-2": ("10.0.0.2", "its own"),
    }


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        (TWO + "[asterisk]\nhost = 'pbx'", "settings", "not both"),
        (TWO.replace("milano-2", "roma"), "settings", "two servers are named 'roma'"),
        (TWO.replace("milano-2", "Sede A"), "asterisks.1.name", "match pattern"),
        (TWO.replace("tls", "tsl"), "asterisks.1.tsl", "did you mean 'tls'?"),
        ("[[asterisks]]\nhost = 'pbx'", "asterisks.0.name", "required"),
        (TWO + "[[trunks]]\nid = 'a'\nnodes = ['napoli']", "settings", "not there: napoli"),
        ("[[trunks]]\nid = 'a'\nnodes = ['roma']", "settings", "not there: roma"),
    ],
)
def test_servers_that_are_named_wrongly(tmp_path: Path, text: str, field: str, words: str) -> None:
    named, problem = refused(tmp_path, text)
    assert named == field
    assert words in problem


def test_a_campaign_that_names_no_trunk_has_all_of_the_settings(tmp_path: Path) -> None:
    trunks = "[[trunks]]\nid = 'a'\nlines = 30\n[[trunks]]\nid = 'b'\n"
    campaigns = "[[campaigns]]\nid = 'all'\n[[campaigns]]\nid = 'one'\ntrunks = ['b']"
    settings = read(tmp_path, trunks + campaigns)
    assert [policy.trunks for _, policy in settings.campaign_policies()] == [("a", "b"), ("b",)]
    assert [each.trunk().lines for each in settings.trunks] == [30, None]


def test_without_trunks_a_campaign_has_the_endpoint_dialer_trunk(tmp_path: Path) -> None:
    settings = read(tmp_path, "[[campaigns]]\nid = 'a'")
    assert [policy.trunks for _, policy in settings.campaign_policies()] == [("dialer-trunk",)]


def test_a_campaign_s_client_is_one_of_the_clients(tmp_path: Path) -> None:
    settings = read(
        tmp_path, "[[clients]]\nid = 'acme'\n[[campaigns]]\nid = 'a'\nclient = 'acme'\n"
    )
    ((_, policy),) = settings.campaign_policies()
    assert policy.client_id == "acme"
    assert settings.clients[0].client().name == "acme"
    _, problem = refused(
        tmp_path, "[[clients]]\nid = 'acme'\n[[campaigns]]\nid = 'a'\nclient = 'acne'\n"
    )
    assert "a names a client that is none of the clients" in problem
    _, problem = refused(tmp_path, "[[clients]]\nid = 'acme'\n[[clients]]\nid = 'acme'\n")
    assert "'acme' stands there twice" in problem
