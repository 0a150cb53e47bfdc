"""What `dialer doctor` says: pure rules from gathered facts to findings, each with what to mend and the line to add.

    findings = check(facts)
    healthy(findings)

The texts are `doctor.<key>` and, for what must be mended, `doctor.<key>.mend`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dialer.doctor_facts import CONTEXTS, AsteriskFacts, Facts, Link, TrunkFacts

MIB = 1024 * 1024
FREE_WARNING, FREE_FAULT = 1024 * MIB, 100 * MIB
SKEW_WARNING, SKEW_FAULT = 1.0, 60.0

WRITE_CLASSES: Mapping[str, tuple[str, ...]] = {
    "call": ("Redirect", "Setvar", "Hangup"),
    "originate": ("Originate",),
    "reporting": ("CoreShowChannels", "CoreSettings", "DBGet"),
}
"""By class of `write`, the actions that the server sends. `system` gives some of the third too: the actions decide."""

READ_CLASSES = ("call", "user", "system")
TOO_MUCH = ("Command", "Reload", "UpdateConfig", "DBPut")

EXTENSIONS = "extensions.conf (FreePBX: extensions_custom.conf)"
MANAGER = "manager.conf (FreePBX: manager_custom.conf)"
USER = "dialer-manager.conf"
MUSIC = "musiconhold.conf (FreePBX: musiconhold_custom.conf)"
ENDPOINT = "pjsip.conf (FreePBX: pjsip.endpoint_custom_post.conf)"
SETTINGS = "dialer.toml"


class Level(StrEnum):
    OK = "ok"
    NOTE = "note"  # cannot be seen from here: what to look at yourself
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """`file` and `line`: what to write where, if a line mends it. `server`: which Asterisk, where there are several."""

    level: Level
    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    file: str = ""
    line: str = ""
    server: str = ""


Findings = Iterator[Finding]


def check(facts: Facts) -> list[Finding]:
    """Everything there is to say of one server and of our own side, in the order in which to read it."""
    return check_all({"": facts})


def check_all(servers: Mapping[str, Facts]) -> list[Finding]:
    """The same of several servers, by name, at least one; our own side comes once, at the end."""
    findings = [
        replace(finding, server=name)
        for name, facts in servers.items()
        for rule in ASTERISK_RULES
        for finding in rule(facts)
    ]
    ours = next(iter(servers.values()))
    return findings + [finding for rule in OWN_RULES for finding in rule(ours)]


def healthy(findings: list[Finding]) -> bool:
    return all(finding.level is not Level.FAULT for finding in findings)


def _ok(key: str, **values: object) -> Finding:
    return Finding(Level.OK, key, values)


def _names(names: Iterator[str] | list[str]) -> str:
    return ", ".join(names)


# --- the link ---------------------------------------------------------------------------------------------------------


def check_link(facts: Facts) -> Findings:
    settings, link = facts.settings, facts.asterisk.link
    where = {"host": settings.host, "port": settings.port, "user": settings.username}
    if link is Link.UNREACHABLE:
        values = {**where, "problem": facts.asterisk.problem}
        yield Finding(
            Level.FAULT, "ami_unreachable", values, "manager.conf, [general]", "enabled = yes"
        )
    elif link is Link.REFUSED and not settings.secret_given:
        yield Finding(
            Level.FAULT, "ami_no_secret", where, "environment", "DIALER_ASTERISK__SECRET=..."
        )
    elif link is Link.REFUSED:
        line = f"#include {USER}"
        yield Finding(Level.FAULT, "ami_refused", where, MANAGER, line)
    elif link is Link.ONE_ONLY:
        yield Finding(Level.FAULT, "ami_one_session", where, USER, "allowmultiplelogin = yes")
    else:
        yield _ok("ami_up", **where)
    if link is not Link.UNREACHABLE and not settings.tls and not _is_loopback(settings.host):
        yield Finding(Level.WARNING, "ami_not_encrypted", where, SETTINGS, "tls = true")


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


_VERSION = re.compile(r"(\d+)\.(\d+)")
_FILTERS_SINCE = {18: 26, 20: 12, 21: 7, 22: 2}
_FILTERS_IN = min(_FILTERS_SINCE)
_OLDEST, _NEWEST = 16, 22
"""What the tests have run on: docs/reference/asterisk-versions.md."""


def check_version(facts: Facts) -> Findings:
    """What 16 to 22 differ in is handled; they also differ in who mends their faults, and in what was tried."""
    version = facts.asterisk.version
    if facts.asterisk.link is not Link.UP or not version:
        return
    found = _VERSION.search(version)
    if found is None:
        yield Finding(Level.WARNING, "version_unknown", {"version": version})
        return
    major, minor = int(found[1]), int(found[2])
    values = {"version": version, "major": major}
    if major < _OLDEST:
        yield Finding(Level.FAULT, "version_too_old", values)
        return
    if major > _NEWEST:
        yield Finding(Level.WARNING, "version_untested", values)
    elif major == _NEWEST:
        yield _ok("version_ok", **values)
    elif major == 20:
        yield _ok("version_20", **values)
    else:
        yield Finding(Level.WARNING, "version_no_repairs", values)
    if minor < _FILTERS_SINCE.get(major, 0) or major < _FILTERS_IN or major == 19:
        yield Finding(Level.WARNING, "version_no_filters", values)


# --- what the AMI user may do -----------------------------------------------------------------------------------------


def check_permissions(facts: Facts) -> Findings:
    asterisk = facts.asterisk
    if asterisk.link is not Link.UP:
        return
    missing = [name for name, actions in WRITE_CLASSES.items() if not _may(asterisk, actions)]
    for name in missing:
        refused = _names([a for a in WRITE_CLASSES[name] if not _may(asterisk, (a,))])
        values = {"name": name, "actions": refused}
        line = "write = call,agent,originate,reporting,user"
        yield Finding(Level.FAULT, "write_class_missing", values, USER, line)
    if not missing:
        yield _ok("write_classes")
    if extra := [action for action in TOO_MUCH if _may(asterisk, (action,))]:
        line = "write = call,agent,originate,reporting,user"
        yield Finding(Level.WARNING, "too_much", {"actions": _names(extra)}, USER, line)
    else:
        yield _ok("least_privilege")


def _may(asterisk: AsteriskFacts, actions: tuple[str, ...]) -> bool:
    """Asterisk lists the action as allowed; where it was tried, it was not refused."""
    return all(asterisk.tried.get(action, action.lower() in asterisk.actions) for action in actions)


def check_events(facts: Facts) -> Findings:
    asterisk = facts.asterisk
    if asterisk.link is not Link.UP:
        return
    unseen = [name for name in READ_CLASSES if asterisk.classes_seen.get(name) is False]
    for name in unseen:
        level = Level.WARNING if name == "system" else Level.FAULT
        line = "read = system,call,agent,user"
        yield Finding(level, "read_class_missing", {"name": name}, USER, line)
    if not unseen and all(name in asterisk.classes_seen for name in READ_CLASSES):
        yield _ok("read_classes")
    if asterisk.event_times is False:
        line = "timestampevents = yes"
        yield Finding(Level.WARNING, "no_event_times", {}, f"{MANAGER}, [general](+)", line)
    elif asterisk.event_times:
        yield _ok("event_times")
    yield Finding(Level.NOTE, "write_timeout", {}, USER, "writetimeout = 5000")


def check_clock(facts: Facts) -> Findings:
    skew = facts.asterisk.skew_seconds
    if skew is None:
        return
    values = {"seconds": f"{abs(skew):.1f}"}
    if abs(skew) < SKEW_WARNING:
        yield _ok("clock")
        return
    level = Level.FAULT if abs(skew) >= SKEW_FAULT else Level.WARNING
    key = "clock_ahead" if skew > 0 else "clock_behind"
    yield Finding(level, key, values, "both machines", "timedatectl set-ntp true")


# --- what Asterisk has loaded -----------------------------------------------------------------------------------------


def check_dialplan(facts: Facts) -> Findings:
    contexts = facts.asterisk.contexts
    missing = [name for name in CONTEXTS if contexts.get(name) is False]
    line = "#include dialer-extensions.conf"
    if not contexts:
        return
    if all(seen is None for seen in contexts.values()):
        yield Finding(Level.WARNING, "contexts_unseen", {}, USER, "write = ...,reporting")
    elif len(missing) == len(CONTEXTS):
        yield Finding(Level.FAULT, "no_dialplan", {}, EXTENSIONS, line)
    elif missing:
        yield Finding(Level.FAULT, "contexts_missing", {"names": _names(missing)}, EXTENSIONS, line)
    else:
        yield _ok("contexts")
        yield Finding(
            Level.NOTE, "global_variables", {}, "extensions.conf, [general]", "clearglobalvars = no"
        )


def check_modules(facts: Facts) -> Findings:
    modules = facts.asterisk.modules
    if not modules:
        return
    if all(seen is None for seen in modules.values()):
        yield Finding(Level.NOTE, "modules_unseen", {}, "modules.conf", "load = func_module.so")
        return
    missing = [name for name, loaded in modules.items() if loaded is False]
    for name in missing:
        yield Finding(
            Level.FAULT, "module_missing", {"name": name}, "modules.conf", f"load = {name}"
        )
    if not missing:
        yield _ok("modules", count=len(modules))


def check_sounds(facts: Facts) -> Findings:
    for name, there in facts.asterisk.sounds.items():
        if there is False:
            copy = "cp -r asterisk_conf/sounds/dialer DATA/sounds/"
            yield Finding(Level.FAULT, "sound_missing", {"name": name}, "shell", copy)
        elif there:
            yield _ok("sound", name=name)
    for name, heard in facts.asterisk.noises.items():
        line = "#include dialer-musiconhold.conf"
        if heard == name:
            yield _ok("noise", name=name)
        elif heard is not None:
            key = "noise_other" if heard else "noise_missing"
            yield Finding(Level.FAULT, key, {"name": name, "heard": heard}, MUSIC, line)
    unheard = [*facts.asterisk.sounds.values(), *facts.asterisk.noises.values()]
    if None in unheard:
        yield Finding(
            Level.NOTE, "sounds_unseen", {}, EXTENSIONS, "#include dialer-extensions.conf"
        )


# --- trunks -----------------------------------------------------------------------------------------------------------


def check_trunks(facts: Facts) -> Findings:
    for name, trunk in facts.asterisk.trunks.items():
        if trunk.state == "INVALID":
            used = [c.id for c in facts.settings.campaigns if name in c.trunks]
            values = {"name": name, "campaigns": _names(used)}
            yield Finding(Level.FAULT, "trunk_missing", values, ENDPOINT, f"[{name}](dialer-trunk)")
            continue
        troubles = [*_trunk_state(name, trunk), *_trunk_options(name, trunk)]
        yield from troubles or [_ok("trunk", name=name)]


def _trunk_state(name: str, trunk: TrunkFacts) -> Findings:
    if not trunk.state:
        yield Finding(
            Level.NOTE, "trunk_unseen", {"name": name}, "modules.conf", "load = func_devstate.so"
        )
    elif trunk.state == "UNAVAILABLE":
        yield Finding(Level.WARNING, "trunk_silent", {"name": name})


def _trunk_options(name: str, trunk: TrunkFacts) -> Findings:
    where = f"{ENDPOINT}, [{name}](+)"
    values = {"name": name}
    if trunk.codecs is not None and not trunk.codecs & {"alaw", "ulaw"}:
        values |= {"codecs": _names(sorted(trunk.codecs))}
        yield Finding(Level.FAULT, "trunk_codecs", values, where, "allow = alaw,ulaw")
    if trunk.rtp_timeout == "0":
        yield Finding(Level.WARNING, "trunk_rtp_timeout", values, where, "rtp_timeout = 20")
    if trunk.timers in ("no", "false"):
        yield Finding(Level.WARNING, "trunk_timers", values, where, "timers = yes")
    if trunk.direct_media in ("yes", "true"):
        yield Finding(Level.WARNING, "trunk_direct_media", values, where, "direct_media = no")
    if trunk.ice in ("yes", "true"):
        yield Finding(Level.WARNING, "trunk_ice", values, where, "ice_support = no")


def check_audio_ports(facts: Facts) -> Findings:
    """Two UDP ports a leg; rtp.conf itself cannot be read with the rights of our user."""
    settings = facts.settings
    legs = sum(campaign.lines for campaign in settings.campaigns) + settings.agents
    if facts.asterisk.link is Link.UP and legs:
        yield Finding(Level.NOTE, "audio_ports", {"ports": 2 * legs}, "rtp.conf", "icesupport = no")


# --- our own side -----------------------------------------------------------------------------------------------------


def check_settings(facts: Facts) -> Findings:
    for campaign in facts.settings.campaigns:
        if not campaign.profile_known:
            values = {"id": campaign.id, "profile": campaign.profile}
            yield Finding(
                Level.FAULT, "profile_unknown", values, SETTINGS, 'profile = "IT-GARANTE"'
            )
        if campaign.faults:
            values = {"id": campaign.id, "profile": campaign.profile, "faults": campaign.faults}
            yield Finding(Level.FAULT, "campaign_faulty", values)
    if not facts.settings.campaigns:
        yield Finding(Level.NOTE, "no_campaigns", {}, SETTINGS, "[[campaigns]]")


def check_database(facts: Facts) -> Findings:
    database = facts.database
    place = {"place": database.place}
    if database.problem:
        values = {**place, "problem": database.problem}
        yield Finding(
            Level.FAULT, "database_unreadable", values, f"{SETTINGS}, [database]", "url = ..."
        )
        return
    if database.write_problem:
        values = {**place, "problem": database.write_problem}
        line = f"chown dialer: {database.place}"
        yield Finding(Level.FAULT, "database_read_only", values, "shell", line)
    if not database.known:
        yield Finding(Level.FAULT, "database_newer", {**place, "revision": database.revision})
    elif not database.exists or database.revision is None:
        yield _ok("database_new", **place)
    elif database.revision != database.newest:
        yield Finding(Level.WARNING, "database_older", {**place, "revision": database.revision})
    elif not database.write_problem:
        yield _ok("database", **place)
    yield from _free_space(database.free_bytes, database.place)


def _free_space(free: int | None, place: str) -> Findings:
    if free is None or free >= FREE_WARNING:
        return
    level = Level.FAULT if free < FREE_FAULT else Level.WARNING
    yield Finding(level, "disk_full", {"place": place, "mib": free // MIB})


def check_pacing_log(facts: Facts) -> Findings:
    """No fault: dialling goes on without it."""
    log = facts.pacing_log
    if log is None:
        return
    if not log.problem:
        yield _ok("pacing_log", folder=log.folder)
        return
    values = {"folder": log.folder, "problem": log.problem}
    yield Finding(
        Level.WARNING, "pacing_log_unwritable", values, "shell", f"chown -R dialer: {log.folder}"
    )


def check_redis(facts: Facts) -> Findings:
    """Away is no fault: the server dials all the same. A refusal does not mend itself."""
    redis = facts.redis
    if redis is None:
        return
    values = {"place": redis.place, "problem": redis.problem}
    if not redis.problem:
        yield _ok("redis", place=redis.place)
    elif redis.refused:
        yield Finding(Level.FAULT, "redis_refused", values)
    else:
        yield Finding(Level.WARNING, "redis_away", values, f"{SETTINGS}, [redis]", "url = ...")


def check_api(facts: Facts) -> Findings:
    api = facts.api
    values = {"host": api.host, "port": api.port}
    if not api.problem:
        yield _ok("api_free", **values)
    elif api.served_by_us:
        yield _ok("api_ours", **values)
    else:
        values |= {"problem": api.problem}
        line = f"port = {api.port + 1 if api.port < 65535 else 8000}"
        yield Finding(Level.FAULT, "api_taken", values, f"{SETTINGS}, [api]", line)


ASTERISK_RULES: tuple[Callable[[Facts], Findings], ...] = (
    check_link,
    check_version,
    check_permissions,
    check_events,
    check_clock,
    check_dialplan,
    check_modules,
    check_sounds,
    check_trunks,
    check_audio_ports,
)
OWN_RULES: tuple[Callable[[Facts], Findings], ...] = (
    check_settings,
    check_database,
    check_pacing_log,
    check_redis,
    check_api,
)
