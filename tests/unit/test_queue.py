"""Who is joined with whom: the longest wait with the longest idle, never in the last instants of the limit."""

from datetime import timedelta
from itertools import permutations

from dialer.ids import AgentId, CallId
from dialer.queue import FreeAgent, Match, Waiting, match
from tests.support.playbook import at


def person(call: str, since: float, limit: float | None = None) -> Waiting:
    return Waiting(
        call_id=CallId(call), since=at(since), limit_at=at(since + 2.95 if limit is None else limit)
    )


def agent(name: str, idle_since: float = 0) -> FreeAgent:
    return FreeAgent(agent_id=AgentId(name), idle_since=at(idle_since))


def pair(call: str, name: str) -> Match:
    return Match(call_id=CallId(call), agent_id=AgentId(name))


def test_the_longest_wait_goes_to_the_longest_idle() -> None:
    people = [person("late", 2), person("early", 1)]
    agents = [agent("anna", -5), agent("bruno", -9)]
    assert match(people, agents, at(2.1)) == [pair("early", "bruno"), pair("late", "anna")]


def test_the_order_in_which_they_are_listed_does_not_matter() -> None:
    people = [person("a", 1), person("b", 1), person("c", 2)]
    agents = [agent("anna"), agent("bruno"), agent("carla", -1)]
    wanted = [pair("a", "carla"), pair("b", "anna"), pair("c", "bruno")]
    for some in permutations(people):
        for others in permutations(agents):
            assert match(list(some), list(others), at(2.5)) == wanted


def test_more_people_than_agents_leaves_the_latest_waiting() -> None:
    people = [person("a", 1), person("b", 2)]
    assert match(people, [agent("anna")], at(2.5)) == [pair("a", "anna")]


def test_a_person_goes_to_the_agent_who_is_held_and_takes_nobody_from_the_others() -> None:
    held = Waiting(
        call_id=CallId("held"), since=at(2), limit_at=at(4.95), agent_id=AgentId("carla")
    )
    people = [person("early", 1), held]
    agents = [agent("anna", -9)]
    assert match(people, agents, at(2.1)) == [pair("held", "carla"), pair("early", "anna")]
    assert match([held], agents, at(2.1)) == [pair("held", "carla")]
    assert match([held], [], at(4.94)) == []


def test_nobody_free_nobody_joined() -> None:
    assert match([person("a", 1)], [], at(2)) == []
    assert match([], [agent("anna")], at(2)) == []


def test_a_person_within_the_guard_of_the_limit_is_left_to_the_dialplan() -> None:
    limit = at(4)
    someone = person("a", 1, limit=4)
    assert match([someone], [agent("anna")], limit - timedelta(milliseconds=31)) != []
    assert match([someone], [agent("anna")], limit - timedelta(milliseconds=30)) == []
    assert match([someone], [agent("anna")], limit + timedelta(seconds=1)) == []


def test_a_pair_that_failed_is_not_made_again_and_others_are() -> None:
    failed = frozenset({(CallId("a"), AgentId("anna"))})
    people = [person("a", 1), person("b", 2)]
    assert match(people, [agent("anna")], at(2.5), failed) == [pair("b", "anna")]
    both = match(people, [agent("anna"), agent("bruno")], at(2.5), failed)
    assert both == [pair("a", "bruno"), pair("b", "anna")]
