"""A campaign as its team needs it: policy, profile, trunks, and what its legal windows have counted so far."""

from dialer.campaign import Campaign
from dialer.events import CampaignLoaded, WindowCount
from dialer.ports import AttemptStore, Clock, ProfileBook, TrunkStore
from dialer.profiles import window_start
from dialer.trunks import named


async def load(
    campaign: Campaign,
    *,
    profiles: ProfileBook,
    attempts: AttemptStore,
    trunks: TrunkStore,
    clock: Clock,
) -> CampaignLoaded:
    """Raises NotFoundError when the campaign names a profile that is not there."""
    now = clock.now()
    profile = profiles.get(campaign.policy.profile)
    campaign_id = campaign.policy.campaign_id
    started_at = await attempts.first_started_at(campaign_id)
    counts = []
    for window in profile.windows:
        since = window_start(window, profile, started_at, now)
        count = await attempts.abandon_count(campaign_id, since=since)
        counts.append(WindowCount(answered=count.answered, abandoned=count.abandoned))
    return CampaignLoaded(
        campaign=campaign,
        profile=profile,
        trunks=named(campaign.policy.trunks, await trunks.all()),
        started_at=started_at,
        counts=tuple(counts),
        at=now,
    )
