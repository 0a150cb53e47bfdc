"""What becomes of a lead after an attempt: tried again later, or never."""

from datetime import datetime
from enum import StrEnum

from dialer.campaign import DEFAULT_RETRY, CampaignPolicy
from dialer.ids import LeadId
from dialer.leads import NEVER_RANG, LeadState, LeadUpdate, Outcome
from dialer.persons import PAUSES
from dialer.profiles import Profile
from dialer.retry_rules import STEADY, delay_after


class TrunkFault(StrEnum):
    """Whose fault it is that a call never rang, as far as the other calls tell."""

    ELSEWHERE = "elsewhere"  # another trunk may carry it: at once
    TRUNK = "trunk"  # its trunk fails other leads too, and there is no other one; or the call was never sent
    NUMBER = "number"  # its trunk carries other leads' calls, and every other one has failed it


def decide(
    lead_id: LeadId,
    outcome: Outcome,
    *,
    attempts: int,
    never_rang: int,
    tries: int | None = None,
    policy: CampaignPolicy,
    profile: Profile,
    now: datetime,
    fault: TrunkFault = TrunkFault.NUMBER,
) -> LeadUpdate:
    """The lead's next state. `attempts` and `never_rang` as they were before this attempt; `tries`: of those, the attempts at
    this number of a person who has several. None: all.

    An outcome without a retry delay, and the last allowed attempt, end the lead; the delay develops by the campaign's
    retry_rules. What never rang burns no attempt. Where
    a trunk is at fault the lead does not end, however often, and where another trunk may carry it, it is due at once.
    Only a number that no trunk carries, though they carry others, ends after `max_never_rang` of those in a row.
    A person who was abandoned is not rung again before the profile's block is over, whatever the campaign says.
    Where the call reached nobody, other numbers of the person are due after a short pause (persons.PAUSES), until the person's
    attempts are used up; that this number ends does not end the person then.
    """
    counts = outcome not in NEVER_RANG
    if not counts and fault is not TrunkFault.NUMBER:
        pause = policy.retry.get(outcome, DEFAULT_RETRY[outcome])
        return LeadUpdate(
            lead_id=lead_id,
            state=LeadState.RETRY,
            next_attempt_at=now if fault is TrunkFault.ELSEWHERE else now + pause,
            counts_as_attempt=False,
            outcome=outcome,
            blames_number=False,
        )
    delay = policy.retry.get(outcome)
    used_up = (
        attempts + 1 >= policy.max_attempts if counts else never_rang + 1 >= policy.max_never_rang
    )
    if delay is not None and counts:
        rule = policy.retry_rules.get(outcome, STEADY)
        delay = delay_after(outcome, delay, rule, attempts=attempts if tries is None else tries)
    person_over = counts and attempts + 1 >= policy.max_attempts
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
        others_from=now + PAUSES[outcome] if outcome in PAUSES and not person_over else None,
    )
