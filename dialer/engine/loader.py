"""A campaign as its team needs it: policy, profile, trunks, what its legal windows have counted so far, and its latest calls,
from which pacing begins."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from dialer.campaign import Campaign
from dialer.engine.wider_windows import counted, elsewhere
from dialer.events import NOTHING_SEEN, CampaignLoaded, PastCall
from dialer.leads import NEVER_RANG, PERSON_ANSWERED, Outcome
from dialer.ports import Attempt, Clock, ProfileBook, Stores
from dialer.profiles import WindowType, window_start
from dialer.trunks import named

PAST_DAYS = timedelta(days=14)
PAST_READ = 2000
PAST_TAUGHT = 300
"""Calls from which pacing begins: those of this hour of the day where there are enough, else the latest."""

AUDITED = 1000
"""The latest labels of the audit of "machine" verdicts that are believed."""

NEAR_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


async def load(
    campaign: Campaign,
    *,
    profiles: ProfileBook,
    stores: Stores,
    clock: Clock,
    centre: str = "",
) -> CampaignLoaded:
    """`centre`: the country that the calls come from (ISO 3166), whose law holds too; empty: nobody has said.

    Raises NotFoundError when the campaign names a profile that is not there."""
    now, attempts = clock.now(), stores.attempts
    law = profiles.law(campaign.policy.profile, sector=campaign.policy.sector, centre=centre)
    profile = law.of_campaign(now).values
    campaign_id = campaign.policy.campaign_id
    started_at = await attempts.first_started_at(campaign_id)
    counts = []
    for window in profile.every_window:
        since = window_start(window, profile, started_at, now)
        if window.type is WindowType.ROLLING:  # what it has seen by now is told as elsewhere
            counts.append(NOTHING_SEEN)
            continue
        found = await attempts.event_counts([campaign_id], profile.formula, since=since)
        counts.append(counted(found, profile.formula))
    audit = await stores.audits.tally([campaign_id], most=AUDITED)
    everything = await stores.campaigns.all() if profile.windows_beyond else []
    closed = await attempts.closed_since(campaign_id, since=now - PAST_DAYS, most=PAST_READ)
    return CampaignLoaded(
        campaign=campaign,
        profile=profile,
        trunks=named(campaign.policy.trunks, await stores.trunks.all()),
        started_at=started_at,
        counts=tuple(counts),
        machine_error=profile.formula.machine_error(audit.labelled, audit.persons),
        past=tuple(past_calls(closed, now)),
        law=law,
        elsewhere=await elsewhere(
            stores, campaign, everything, profile, started_at, loaded_at=now, now=now
        ),
        at=now,
    )


def past_calls(closed: Iterable[Attempt], now: datetime) -> list[PastCall]:
    """At most PAST_TAUGHT, the latest first; an attempt that never rang, or that was lost sight of, teaches nothing."""
    useful = [each for each in closed if each.outcome not in NEVER_RANG | {Outcome.LOST, None}]
    of_the_hour = [each for each in useful if _about_this_hour(each.started_at, now)]
    chosen = of_the_hour if len(of_the_hour) >= PAST_TAUGHT else useful
    return [_past(each) for each in chosen[:PAST_TAUGHT]]


def _about_this_hour(started_at: datetime, now: datetime) -> bool:
    apart = (now - started_at) % _DAY
    return min(apart, _DAY - apart) <= NEAR_HOUR


def _past(attempt: Attempt) -> PastCall:
    assert attempt.ended_at is not None
    talked = attempt.ended_at - attempt.bridged_at if attempt.bridged_at else None
    return PastCall(
        rang=((attempt.answered_at or attempt.ended_at) - attempt.started_at).total_seconds(),
        picked_up=attempt.answered_at is not None,
        person=attempt.outcome in PERSON_ANSWERED,
        talked=talked.total_seconds() if talked is not None else None,
    )
