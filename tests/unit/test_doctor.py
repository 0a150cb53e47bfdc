"""The rules of `dialer doctor`, from literals; and that each of its sentences is there in both languages."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dialer.doctor import MIB, Finding, Level, check, check_all, healthy
from dialer.doctor_facts import (
    CONTEXTS,
    ApiFacts,
    AsteriskFacts,
    CampaignFacts,
    DatabaseFacts,
    Facts,
    Link,
    PacingLogFacts,
    RedisFacts,
    SettingsFacts,
    TrunkFacts,
)
from dialer.doctor_run import as_json, as_text
from dialer.texts import TEXTS, Language

ACTIONS = frozenset(
    ["redirect", "setvar", "hangup", "originate", "coreshowchannels", "coresettings", "dbget"]
)
TRUNK = TrunkFacts(
    state="NOT_INUSE",
    codecs=frozenset({"alaw"}),
    rtp_timeout="20",
    timers="yes",
    direct_media="false",
    ice="false",
)
CAMPAIGN = CampaignFacts(
    id="spring",
    trunks=("carrier",),
    noise="dialer-noise",
    message="dialer/message-en",
    screen=True,
    lines=30,
    profile="US-FED",
    profile_known=True,
)
SETTINGS = SettingsFacts(
    host="127.0.0.1",
    port=5038,
    username="dialer",
    tls=False,
    secret_given=True,
    connect_tone=True,
    agents=10,
    campaigns=(CAMPAIGN,),
)
ASTERISK = AsteriskFacts(
    link=Link.UP,
    version="22.10.1",
    actions=ACTIONS,
    tried={"Command": False},
    classes_seen={"system": True, "call": True, "user": True},
    event_times=True,
    skew_seconds=0.01,
    contexts=dict.fromkeys(CONTEXTS, True),
    modules=dict.fromkeys(SETTINGS.modules, True),
    trunks={"carrier": TRUNK},
    sounds={"dialer/message-en": True},
    noises={"dialer-noise": "dialer-noise"},
)
DATABASE = DatabaseFacts(
    place="/var/lib/dialer.sqlite3", revision="0003", newest="0003", free_bytes=50_000 * MIB
)
API = ApiFacts(host="127.0.0.1", port=8000)
GOOD = Facts(settings=SETTINGS, asterisk=ASTERISK, database=DATABASE, api=API)


def asterisk(**changes: object) -> Facts:
    return replace(GOOD, asterisk=replace(ASTERISK, **changes))  # type: ignore[arg-type]


def settings(**changes: object) -> Facts:
    return replace(GOOD, settings=replace(SETTINGS, **changes))  # type: ignore[arg-type]


def database(**changes: object) -> Facts:
    return replace(GOOD, database=replace(DATABASE, **changes))  # type: ignore[arg-type]


def pacing_log(**changes: object) -> Facts:
    facts = PacingLogFacts(folder="/var/lib/pacing-log", **changes)  # type: ignore[arg-type]
    return replace(GOOD, pacing_log=facts)


def redis(**changes: object) -> Facts:
    facts = RedisFacts(place="redis.example:6379", **changes)  # type: ignore[arg-type]
    return replace(GOOD, redis=facts)


def api(**changes: object) -> Facts:
    return replace(GOOD, api=replace(API, **changes))  # type: ignore[arg-type]


def trunk(**changes: object) -> Facts:
    return asterisk(trunks={"carrier": replace(TRUNK, **changes)})  # type: ignore[arg-type]


def link(state: Link, **changes: object) -> Facts:
    """Where the link is not up, nothing else is known of Asterisk."""
    facts = replace(GOOD, asterisk=AsteriskFacts(link=state, problem="refused"))
    return replace(facts, settings=replace(SETTINGS, **changes))  # type: ignore[arg-type]


F, W, N, OK = Level.FAULT, Level.WARNING, Level.NOTE, Level.OK

CASES: list[tuple[Facts, str, Level, str]] = [
    (link(Link.UNREACHABLE), "ami_unreachable", F, "enabled = yes"),
    (link(Link.REFUSED), "ami_refused", F, "#include dialer-manager.conf"),
    (link(Link.REFUSED, secret_given=False), "ami_no_secret", F, "DIALER_ASTERISK__SECRET=..."),
    (link(Link.ONE_ONLY), "ami_one_session", F, "allowmultiplelogin = yes"),
    (settings(host="10.0.0.5"), "ami_not_encrypted", W, "tls = true"),
    (asterisk(version="13.38.3"), "version_too_old", F, ""),
    (asterisk(version="18.26.4"), "version_no_repairs", W, ""),
    (asterisk(version="21.12.0"), "version_no_repairs", W, ""),
    (asterisk(version="23.1.0"), "version_untested", W, ""),
    (asterisk(version="20.9.1"), "version_no_filters", W, ""),
    (asterisk(version="certified-20.17-cert1"), "version_20", OK, ""),
    (asterisk(version="GIT-master"), "version_unknown", W, ""),
    (
        asterisk(actions=ACTIONS - {"redirect"}),
        "write_class_missing",
        F,
        "write = call,agent,originate,reporting,user",
    ),
    (
        asterisk(tried={"Originate": False}),
        "write_class_missing",
        F,
        "write = call,agent,originate,reporting,user",
    ),
    (
        asterisk(tried={"Command": True}),
        "too_much",
        W,
        "write = call,agent,originate,reporting,user",
    ),
    (
        asterisk(classes_seen={"system": True, "call": False, "user": True}),
        "read_class_missing",
        F,
        "read = system,call,agent,user",
    ),
    (
        asterisk(classes_seen={"system": False, "call": True, "user": True}),
        "read_class_missing",
        W,
        "read = system,call,agent,user",
    ),
    (asterisk(event_times=False), "no_event_times", W, "timestampevents = yes"),
    (asterisk(skew_seconds=5.0), "clock_ahead", W, "timedatectl set-ntp true"),
    (asterisk(skew_seconds=-3600.0), "clock_behind", F, "timedatectl set-ntp true"),
    (
        asterisk(contexts=dict.fromkeys(CONTEXTS, False)),
        "no_dialplan",
        F,
        "#include dialer-extensions.conf",
    ),
    (
        asterisk(contexts=dict.fromkeys(CONTEXTS, True) | {"dialer-talk": False}),
        "contexts_missing",
        F,
        "#include dialer-extensions.conf",
    ),
    (asterisk(contexts=dict.fromkeys(CONTEXTS)), "contexts_unseen", W, "write = ...,reporting"),
    (asterisk(modules={"app_amd.so": False}), "module_missing", F, "load = app_amd.so"),
    (asterisk(modules={"app_amd.so": None}), "modules_unseen", N, "load = func_module.so"),
    (
        asterisk(sounds={"dialer/message-en": False}),
        "sound_missing",
        F,
        "cp -r asterisk_conf/sounds/dialer DATA/sounds/",
    ),
    (
        asterisk(noises={"dialer-noise": ""}),
        "noise_missing",
        F,
        "#include dialer-musiconhold.conf",
    ),
    (
        asterisk(noises={"dialer-noise": "default"}),
        "noise_other",
        F,
        "#include dialer-musiconhold.conf",
    ),
    (
        asterisk(noises={"dialer-noise": None}),
        "sounds_unseen",
        N,
        "#include dialer-extensions.conf",
    ),
    (
        asterisk(trunks={"carrier": TrunkFacts(state="INVALID")}),
        "trunk_missing",
        F,
        "[carrier](dialer-trunk)",
    ),
    (trunk(state=""), "trunk_unseen", N, "load = func_devstate.so"),
    (trunk(state="UNAVAILABLE"), "trunk_silent", W, ""),
    (trunk(codecs=frozenset({"g729"})), "trunk_codecs", F, "allow = alaw,ulaw"),
    (trunk(rtp_timeout="0"), "trunk_rtp_timeout", W, "rtp_timeout = 20"),
    (trunk(timers="no"), "trunk_timers", W, "timers = yes"),
    (trunk(direct_media="true"), "trunk_direct_media", W, "direct_media = no"),
    (trunk(ice="true"), "trunk_ice", W, "ice_support = no"),
    (
        settings(campaigns=(replace(CAMPAIGN, profile="XX", profile_known=False),)),
        "profile_unknown",
        F,
        'profile = "IT-GARANTE"',
    ),
    (
        settings(campaigns=(replace(CAMPAIGN, faults="ring_timeout: ring_too_short"),)),
        "campaign_faulty",
        F,
        "",
    ),
    (settings(campaigns=()), "no_campaigns", N, "[[campaigns]]"),
    (database(problem="no such folder"), "database_unreadable", F, "url = ..."),
    (
        database(write_problem="readonly"),
        "database_read_only",
        F,
        "chown dialer: /var/lib/dialer.sqlite3",
    ),
    (database(revision="0009", known=False), "database_newer", F, ""),
    (database(revision="0001"), "database_older", W, ""),
    (database(exists=False, revision=None), "database_new", OK, ""),
    (database(free_bytes=50 * MIB), "disk_full", F, ""),
    (database(free_bytes=500 * MIB), "disk_full", W, ""),
    (pacing_log(), "pacing_log", OK, ""),
    (
        pacing_log(problem="No space left on device"),
        "pacing_log_unwritable",
        W,
        "chown -R dialer: /var/lib/pacing-log",
    ),
    (redis(), "redis", OK, ""),
    (redis(problem="Connection refused"), "redis_away", W, "url = ..."),
    (redis(problem="WRONGPASS", refused=True), "redis_refused", F, ""),
    (api(problem="in use"), "api_taken", F, "port = 8001"),
    (api(problem="in use", served_by_us=True), "api_ours", OK, ""),
]


def named(findings: list[Finding], key: str) -> Finding:
    [finding] = [finding for finding in findings if finding.key == key]
    return finding


def test_a_good_pair_has_no_fault_and_no_warning() -> None:
    findings = check(GOOD)
    assert {finding.level for finding in findings} == {Level.OK, Level.NOTE}
    assert [f.key for f in findings if f.level is Level.NOTE] == [
        "write_timeout",
        "global_variables",
        "audio_ports",
    ]
    assert healthy(findings)


@pytest.mark.parametrize(("facts", "key", "level", "line"), CASES, ids=[case[1] for case in CASES])
def test_what_is_wrong_is_named_with_the_line_that_mends_it(
    facts: Facts, key: str, level: Level, line: str
) -> None:
    findings = check(facts)
    finding = named(findings, key)
    assert (finding.level, finding.line) == (level, line)
    assert bool(finding.line) == bool(finding.file)
    others = [f for f in findings if f.level in (F, W) and f is not finding]
    assert others == []
    assert healthy(findings) == (level is not F)


def test_an_old_asterisk_that_was_tried_is_warned_of_and_not_refused() -> None:
    findings = check(asterisk(version="16.28.0~dfsg-0+deb11u4"))
    warned = [finding.key for finding in findings if finding.level is W]
    assert warned == ["version_no_repairs", "version_no_filters"]
    assert healthy(findings)


def test_each_of_several_servers_is_judged_and_our_own_side_once() -> None:
    findings = check_all({"roma": GOOD, "milano": asterisk(version="13.38.3")})
    faults = [(finding.server, finding.key) for finding in findings if finding.level is F]
    assert faults == [("milano", "version_too_old")]
    assert [f.server for f in findings if f.key == "ami_up"] == ["roma", "milano"]
    assert [f.server for f in findings if f.key == "database"] == [""]
    assert "milano: Asterisk 13.38.3 is too old" in as_text(findings, Language.EN)
    told = json.loads(as_json(findings, Language.EN))["findings"]
    assert {row["server"] for row in told} == {"roma", "milano", ""}


def test_what_cannot_be_known_without_a_link_is_not_guessed() -> None:
    keys = {finding.key for finding in check(link(Link.UNREACHABLE))}
    assert keys == {"ami_unreachable", "database", "api_free"}


def test_system_in_place_of_reporting_is_enough() -> None:
    """The actions decide, whichever class allows them."""
    assert named(check(asterisk(actions=ACTIONS | {"pjsipshowendpoints"})), "write_classes")


def test_ports_are_two_a_leg_for_every_line_and_agent() -> None:
    assert named(check(GOOD), "audio_ports").values == {"ports": 80}


def test_modules_asked_for_follow_the_settings() -> None:
    plain = replace(SETTINGS, connect_tone=False, campaigns=(replace(CAMPAIGN, screen=False),))
    assert "app_amd.so" in SETTINGS.modules
    assert "app_amd.so" not in plain.modules
    assert len(set(SETTINGS.modules)) == len(SETTINGS.modules)


# --- the words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", list(Language))
def test_every_finding_reads_well_in_both_languages(language: Language) -> None:
    for facts in [GOOD, *(case[0] for case in CASES)]:
        findings = check(facts)
        assert "{" not in as_text(findings, language)
        for row in json.loads(as_json(findings, language))["findings"]:
            assert row["text"]
            assert bool(row["mend"]) == (row["level"] != "ok")


def test_no_sentence_is_written_in_vain() -> None:
    said = {f.key for facts in [GOOD, *(case[0] for case in CASES)] for f in check(facts)}
    written = {key.split(".")[1] for key in TEXTS if key.startswith("doctor.")}
    assert written - {"level", "mend", "line", "healthy", "ill"} == said


def test_the_json_says_what_the_exit_code_says() -> None:
    assert json.loads(as_json(check(GOOD), Language.EN))["healthy"] is True
    assert json.loads(as_json(check(link(Link.REFUSED)), Language.EN))["healthy"] is False
