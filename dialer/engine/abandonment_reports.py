"""The facts of an abandonment report, read from the stores: always those of now, with every late fact."""

from dataclasses import dataclass, field
from datetime import datetime

from dialer.abandonment_report import WindowReport
from dialer.campaign import Campaign
from dialer.engine.loader import AUDITED
from dialer.engine.wider_windows import in_scope
from dialer.ports import Stores
from dialer.profiles import Profile, window_end, window_start


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
