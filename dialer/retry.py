"""What becomes of a lead after an attempt: tried again later, or never."""

from datetime import datetime

from dialer.campaign import CampaignPolicy
from dialer.ids import LeadId
from dialer.leads import NEVER_RANG, LeadState, LeadUpdate, Outcome
from dialer.profiles import Profile


def decide(
    lead_id: LeadId,
    outcome: Outcome,
    *,
    attempts: int,
    never_rang: int,
    policy: CampaignPolicy,
    profile: Profile,
    now: datetime,
) -> LeadUpdate:
    """The lead's next state. `attempts` and `never_rang` as they were before this attempt.

    An outcome without a retry delay, and the last allowed attempt, end the lead. What never rang burns no attempt, but
    after `max_never_rang` of those in a row the lead ends too: its number, not the network, is then at fault.
    A person who was abandoned is not rung again before the profile's block is over, whatever the campaign says.
    """
    counts = outcome not in NEVER_RANG
    delay = policy.retry.get(outcome)
    used_up = (
        attempts + 1 >= policy.max_attempts if counts else never_rang + 1 >= policy.max_never_rang
    )
    again = delay is not None and not used_up
    if outcome is Outcome.ABANDONED and delay is not None:
        delay = max(delay, profile.abandon_block)
    return LeadUpdate(
        lead_id=lead_id,
        state=LeadState.RETRY if again else LeadState.DONE,
        next_attempt_at=now + delay if again and delay is not None else None,
        counts_as_attempt=counts,
        outcome=outcome,
        abandoned_at=now if outcome is Outcome.ABANDONED else None,
    )
