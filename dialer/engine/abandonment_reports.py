"""The facts of an abandonment report, read from the stores: always those of now, with every late fact."""

from dataclasses import dataclass, field
from datetime import datetime

from dialer.abandonment_report import WindowReport
from dialer.campaign import Campaign
from dialer.engine.loader import AUDITED
from dialer.ids import CampaignId
from dialer.ports import Stores
from dialer.profiles import AbandonWindow, Profile, Scope, window_end, window_start


@dataclass(frozen=True, kw_only=True, slots=True)
class AbandonmentReport:
    campaign: Campaign
    profile: Profile
    at: datetime
    windows: list[WindowReport] = field(default_factory=list)


async def abandonment_report(
    stores: Stores, campaign: Campaign, profile: Profile, at: datetime
) -> AbandonmentReport:
    """Every window of the profile that holds `at`, of whatever scope. Raises StoreUnavailableError."""
    made = AbandonmentReport(campaign=campaign, profile=profile, at=at)
    started_at = await stores.attempts.first_started_at(campaign.policy.campaign_id)
    everything = await stores.campaigns.all()
    for window in (*profile.windows, *profile.windows_beyond):
        of = in_scope(window, campaign, everything)
        audit = await stores.audits.tally(of, most=AUDITED)
        since = window_start(window, profile, started_at, at)
        until = window_end(window, profile, started_at, at)
        counts = await stores.attempts.event_counts(of, profile.formula, since=since, until=until)
        made.windows.append(
            WindowReport(
                window=window,
                formula=profile.formula,
                since=since,
                until=until,
                counts=counts,
                machine_error=profile.formula.machine_error(audit.labelled, audit.persons),
            )
        )
    return made


def in_scope(
    window: AbandonWindow, campaign: Campaign, everything: list[Campaign]
) -> list[CampaignId]:
    """The campaigns whose calls the window counts together."""
    match window.scope:
        case Scope.CAMPAIGN:
            return [campaign.policy.campaign_id]
        case Scope.CLIENT:
            client = campaign.policy.client_id
            return [c.policy.campaign_id for c in everything if c.policy.client_id == client]
        case Scope.CALL_CENTRE:
            return [c.policy.campaign_id for c in everything]
