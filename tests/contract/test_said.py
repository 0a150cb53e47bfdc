"""What an agent's word does in the store: kept, ruled and audited in one transaction."""

from datetime import datetime

import pytest

from dialer.commands import PlaceCall, RecordDisposition
from dialer.dispositions import Category, Ruling
from dialer.events import NotOpened
from dialer.ids import AgentId
from dialer.leads import LeadState, Outcome
from tests.contract.world import AUTUMN, HOUR, MINUTE, NOON, World, call_to, number

REFUSED = Ruling(category=Category.REFUSAL, lead_state=LeadState.DONE)
NEVER = Ruling(category=Category.DO_NOT_CALL, lead_state=LeadState.EXCLUDED, do_not_call=True)
WRONG = Ruling(category=Category.WRONG_NUMBER, lead_state=LeadState.DONE, blocks_number=True)
MACHINE = Ruling(category=Category.MACHINE, lead_state=LeadState.RETRY, next_at=NOON + 6 * HOUR)


async def say(
    world: World,
    call: PlaceCall,
    ruling: Ruling,
    *,
    agent: str = "101",
    at: datetime = NOON + 2 * MINUTE,
) -> None:
    await world.stores.attempts.record_disposition(
        RecordDisposition(
            call_id=call.call_id,
            agent_id=AgentId(agent),
            disposition=ruling.category.value,
            callback_at=None,
            at=at,
            ruling=ruling,
        )
    )


@pytest.mark.parametrize("ruling", [REFUSED, MACHINE], ids=["refusal", "machine"])
async def test_a_word_rules_the_lead_said_during_the_talk_or_after(
    world: World, ruling: Ruling
) -> None:
    early, late = await world.dialed(1), await world.dialed(2)
    await say(world, early, ruling)
    assert await world.state(early) is LeadState.DIALING
    for call in (early, late):
        await world.close(call, Outcome.TALKED)
    await say(world, late, ruling)
    for call in (early, late):
        lead = await world.get(call)
        assert (lead.state, lead.next_attempt_at) == (ruling.lead_state, ruling.next_at)
        attempt = await world.attempt(call)
        assert (attempt.category, attempt.disposed_at) == (ruling.category, NOON + 2 * MINUTE)
        assert attempt.outcome is Outcome.TALKED


async def test_a_do_not_call_is_on_the_list_before_the_call_ends(world: World) -> None:
    call = await world.dialed(1)
    other = await world.lead(1, campaign=AUTUMN)
    await say(world, call, NEVER)
    assert await world.stores.leads.do_not_call([number(1)]) == {number(1)}
    assert await world.state(other) is LeadState.EXCLUDED
    await world.close(call, Outcome.TALKED)
    assert await world.state(call) is LeadState.EXCLUDED


async def test_a_wrong_number_is_not_rung_again_until_the_agent_takes_it_back(
    world: World,
) -> None:
    call = await world.dialed(1)
    await world.close(call, Outcome.TALKED)
    await say(world, call, WRONG)
    other = await world.reserved(1, campaign=AUTUMN)
    again = call_to(other, "again")
    result = await world.stores.attempts.open([again], owner="one")
    assert result.refused == {again.call_id: NotOpened.NUMBER_BLOCKED}
    await say(world, call, REFUSED)
    assert await world.open([again]) == {again.call_id}


async def test_the_words_that_were_replaced_are_kept(world: World) -> None:
    call = await world.dialed(1)
    await world.close(call, Outcome.TALKED)
    await say(world, call, REFUSED)
    await say(world, call, REFUSED, at=NOON + 3 * MINUTE)
    await say(world, call, MACHINE, agent="102", at=NOON + 5 * MINUTE)
    assert (await world.get(call)).next_attempt_at == NOON + 6 * HOUR
    (former,) = await world.stores.attempts.former_dispositions(call.lead_id)
    assert (former.call_id, former.disposition, former.category) == (
        call.call_id,
        "refusal",
        Category.REFUSAL,
    )
    assert (former.agent_id, former.replaced_by) == ("101", "102")
    assert (former.said_at, former.replaced_at) == (NOON + 3 * MINUTE, NOON + 5 * MINUTE)
    assert (await world.stores.attempts.get(call.call_id)).disposition == "machine"


async def test_a_late_refusal_leaves_a_lead_that_is_being_called_again_alone(
    world: World,
) -> None:
    first = await world.dialed(1)
    await world.close(first, state=LeadState.RETRY)
    (lead,) = await world.reserve()
    await world.open([call_to(lead, "second")])
    await say(world, first, REFUSED)
    assert await world.state(lead) is LeadState.DIALING
    assert (await world.attempt(first)).category is Category.REFUSAL
