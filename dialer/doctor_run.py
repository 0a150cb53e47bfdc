"""`dialer doctor`: gather the facts, judge them, print them. Nothing is changed, nobody is rung."""

import json
from collections import Counter
from datetime import datetime

from dialer.adapters.pacing_files import folder_of
from dialer.adapters.profile_files import ProfileFiles
from dialer.adapters.system_clock import SystemClock
from dialer.campaign import CampaignPolicy
from dialer.campaign_faults import campaign_faults, told
from dialer.config import AsteriskSettings, CampaignSettings, Settings
from dialer.doctor import Finding, Level, check, check_all, healthy
from dialer.doctor_ami import look
from dialer.doctor_facts import CampaignFacts, Facts, SettingsFacts
from dialer.doctor_host import look_at_api, look_at_database, look_at_pacing_log, look_at_redis
from dialer.errors import NotFoundError
from dialer.ports import Clock
from dialer.profiles import NoAgentAction, Profile
from dialer.texts import Language, text
from dialer.trunks import Trunk, named


async def gather(settings: Settings, clock: Clock) -> dict[str, Facts]:
    """By name of the server. Raises InvalidInputError for a profile of one's own that cannot be read."""
    database = await look_at_database(settings.database.url)
    api = await look_at_api(settings.api.host, settings.api.port)
    redis = await look_at_redis(settings.redis.url.get_secret_value(), settings.redis.prefix)
    folder = folder_of(settings.pacing_log.folder, settings.database.url)
    log = look_at_pacing_log(folder) if settings.pacing_log.enabled else None
    gathered = {}
    for name, asterisk in settings.servers.items():
        asked = settings_facts(settings, asterisk, clock.now())
        seen = await look(asterisk.endpoint(name), asked, clock)
        gathered[str(name)] = Facts(
            settings=asked,
            asterisk=seen,
            database=database,
            api=api,
            redis=redis,
            pacing_log=log,
        )
    return gathered


async def examine(settings: Settings) -> list[Finding]:
    gathered = await gather(settings, SystemClock())
    return check_all(gathered) if settings.asterisks else check(next(iter(gathered.values())))


def settings_facts(settings: Settings, asterisk: AsteriskSettings, now: datetime) -> SettingsFacts:
    profiles = ProfileFiles(settings.profiles_folder)
    trunks = [each.trunk() for each in settings.trunks]
    return SettingsFacts(
        host=asterisk.host,
        port=asterisk.port,
        username=asterisk.username,
        tls=asterisk.tls,
        secret_given=bool(asterisk.secret.get_secret_value()),
        connect_tone=asterisk.connect_tone,
        agents=len(settings.agents),
        campaigns=tuple(
            _campaign_facts(
                each, policy, trunks, profiles, _faults(settings, policy, profiles, now)
            )
            for each, policy in settings.campaign_policies()
        ),
    )


def _faults(
    settings: Settings, policy: CampaignPolicy, profiles: ProfileFiles, now: datetime
) -> str:
    if _profile(profiles, policy.profile) is None:
        return ""
    law = profiles.law(policy.profile, sector=policy.sector, centre=settings.country)
    trunks = named(policy.trunks, [each.trunk() for each in settings.trunks])
    rules = law.of_campaign(now)
    return told(campaign_faults(policy, rules, trunks, now=now, sectors=profiles.sectors))


def _campaign_facts(
    campaign: CampaignSettings,
    policy: CampaignPolicy,
    trunks: list[Trunk],
    profiles: ProfileFiles,
    faults: str,
) -> CampaignFacts:
    profile = _profile(profiles, campaign.profile)
    speaks = profile is not None and profile.action is NoAgentAction.MESSAGE
    return CampaignFacts(
        id=campaign.id,
        trunks=tuple(each.endpoint for each in named(policy.trunks, trunks) if each.endpoint),
        noise=policy.noise,
        message=policy.message if speaks else "",
        screen=campaign.screen,
        lines=campaign.lines,
        profile=campaign.profile,
        profile_known=profile is not None,
        faults=faults,
    )


def _profile(profiles: ProfileFiles, name: str) -> Profile | None:
    try:
        return profiles.get(name)
    except NotFoundError:
        return None


# --- what a person reads, what a program reads --------------------------------------------------------------------------


def as_text(findings: list[Finding], language: Language) -> str:
    """One line a finding; what is to be done is set in below it."""
    width = max(len(text(f"doctor.level.{level}", language)) for level in Level)
    lines: list[str] = []
    for finding in findings:
        level = text(f"doctor.level.{finding.level}", language)
        server = f"{finding.server}: " if finding.server else ""
        lines.append(f"{level:<{width}}  {server}{_said(finding, language)}")
        margin = " " * (width + 2)
        if finding.level is not Level.OK:
            lines.append(f"{margin}{text('doctor.mend', language)}: {_mend(finding, language)}")
        if finding.line:
            label = text("doctor.line", language)
            lines.append(f"{margin}{label}: {finding.line}    ({finding.file})")
    return "\n".join([*lines, "", _sum(findings, language)])


def as_json(findings: list[Finding], language: Language) -> str:
    rows = [
        {
            "level": finding.level.value,
            "server": finding.server,
            "check": finding.key,
            "text": _said(finding, language),
            "mend": "" if finding.level is Level.OK else _mend(finding, language),
            "file": finding.file,
            "line": finding.line,
        }
        for finding in findings
    ]
    return json.dumps({"healthy": healthy(findings), "findings": rows}, ensure_ascii=False)


def _said(finding: Finding, language: Language) -> str:
    return text(f"doctor.{finding.key}", language, **finding.values)


def _mend(finding: Finding, language: Language) -> str:
    return text(f"doctor.{finding.key}.mend", language, **finding.values)


def _sum(findings: list[Finding], language: Language) -> str:
    count = Counter(finding.level for finding in findings)
    key = "doctor.healthy" if healthy(findings) else "doctor.ill"
    return text(key, language, faults=count[Level.FAULT], warnings=count[Level.WARNING])
