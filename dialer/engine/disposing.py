"""An agent says what a call came to: checked against the campaign's set and against what was said before, then posted to the
runner of the team, whose writer keeps the word and what it rules."""

from dataclasses import replace
from datetime import datetime

from dialer.callbacks import local_instant
from dialer.campaign import CampaignPolicy
from dialer.dispositions import Ruling, Said, find, settle
from dialer.engine.calling_back import booking_of, check_time
from dialer.engine.requests import done
from dialer.engine.runner import TeamRunner
from dialer.engine.switchboard import Switchboard
from dialer.errors import ConflictError, InvalidInputError
from dialer.events import CallbacksExpected, DispositionChosen, LeadsDue
from dialer.leads import NEVER_RANG, Lead
from dialer.live_ports import Done
from dialer.ports import Attempt, Stores


async def dispose(switchboard: Switchboard, stores: Stores, event: DispositionChosen) -> Done:
    """Raises NotFoundError for an unknown agent or call, InvalidInputError for a word that the campaign does not have (with
    the nearest that it has) or a time that cannot be, ConflictError for another agent's call, a change that comes too late,
    or one that would take back a do-not-call."""
    runner = switchboard.runner_of_agent(event.agent_id)
    agent = runner.team.agents[event.agent_id]
    call = runner.team.calls.get(event.call_id)
    if call is not None and call.agent_id not in (None, event.agent_id):
        raise ConflictError("the call is another agent's")
    attempt = await stores.attempts.get(event.call_id)
    if attempt.agent_id not in (None, event.agent_id):
        raise ConflictError("the call is another agent's")
    policy = await _policy(runner, stores, attempt)
    lead = await stores.leads.get(attempt.lead_id)
    event = _in_the_persons_zone(event, lead)
    ruling = _ruling(event, policy, attempt, lead)
    if event.callback_at is not None:
        _check_callback(runner, attempt, lead, event.callback_at)
    runner.post(replace(event, ruling=ruling))
    if ruling.next_at is not None:  # the writer keeps the order: first it is stored, then asked for
        for campaign_id in runner.team.runs:
            runner.post(LeadsDue(campaign_id=campaign_id, at=event.at))
    if ruling.booking is not None:
        due_at = ruling.booking.due_at
        runner.post(CallbacksExpected(campaign_id=attempt.campaign_id, next_at=due_at, at=event.at))
    return done(runner, agent)


def _check_callback(runner: TeamRunner, attempt: Attempt, lead: Lead, at: datetime) -> None:
    """A callback that the law would not let ring at its time is not agreed: the agent, who may still have the person, hears of
    the next instant at which it would."""
    run = runner.team.runs.get(attempt.campaign_id)
    if run is None:
        return
    if lead.attempts + (attempt.ended_at is None) >= run.policy.max_attempts:
        raise InvalidInputError("callback_at", "attempts_used: the campaign allows no further one")
    check_time("callback_at", at, lead, run.policy, run.law)


async def _policy(runner: TeamRunner, stores: Stores, attempt: Attempt) -> CampaignPolicy:
    run = runner.team.runs.get(attempt.campaign_id)
    return run.policy if run else (await stores.campaigns.get(attempt.campaign_id)).policy


def _ruling(
    event: DispositionChosen, policy: CampaignPolicy, attempt: Attempt, lead: Lead
) -> Ruling:
    counted = attempt.ended_at is not None and attempt.outcome not in NEVER_RANG
    known = Said(
        attempts=lead.attempts - counted,
        max_attempts=policy.max_attempts,
        delays=policy.retry,
        ended_at=attempt.ended_at,
        before=attempt.category,
        now=event.at,
    )
    ruling = settle(find(policy.dispositions, event.disposition), event.callback_at, known)
    return replace(ruling, booking=booking_of(event, policy))


def _in_the_persons_zone(event: DispositionChosen, lead: Lead) -> DispositionChosen:
    if event.callback_at is None:
        return event
    return replace(event, callback_at=local_instant(event.callback_at, lead.zone))
