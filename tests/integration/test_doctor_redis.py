"""`dialer doctor` looks at a real Redis: there, away, locked, and with the very rights that the page on two servers lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from dialer.adapters.wires import redis_wires
from dialer.doctor_facts import RedisFacts
from dialer.doctor_host import look_at_redis
from dialer.engine.tasks import TaskSet
from dialer.errors import NotHereError
from dialer.events import BreakEnded
from dialer.ids import AgentId
from tests.support.redis import RedisServer, free_port, redis_server
from tests.support.virtual_loop import START

pytestmark = pytest.mark.service

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "two-servers.md"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as running:
        rights = re.search(
            r"^user dialer on >PASSWORD (.*)$", PAGE.read_text("utf-8"), re.MULTILINE
        )
        assert rights is not None
        answer = running.command("ACL", "SETUSER", "dialer", "on", ">word", *rights[1].split())
        assert answer == "+OK"
        assert running.command("ACL", "SETUSER", "poor", "on", ">word", "+ping", "+hello") == "+OK"
        yield running


def place(redis: RedisServer) -> str:
    return f"127.0.0.1:{redis.port}"


async def test_no_url_is_nothing_to_look_at() -> None:
    assert await look_at_redis("", "dialer") is None


async def test_the_rights_on_the_page_are_enough(redis: RedisServer) -> None:
    url = f"redis://dialer:word@{place(redis)}/0"
    assert await look_at_redis(url, "dialer") == RedisFacts(place=place(redis))
    tasks = TaskSet()
    wires = redis_wires(url, server="server:one", random=Random(1), spawn=tasks.spawn)
    wires.start(lambda: None)
    event = BreakEnded(agent_id=AgentId("1"), at=START)
    with pytest.raises(NotHereError):
        await wires.bus.ask("server:one", event, seconds=5)
    await wires.close()
    await tasks.close()


async def test_the_rights_end_at_the_prefix(redis: RedisServer) -> None:
    facts = await look_at_redis(f"redis://dialer:word@{place(redis)}/0", "other")
    assert facts is not None
    assert facts.refused


@pytest.mark.parametrize("who", ["dialer:wrong", "poor:word", "nobody:word"])
async def test_a_refusal_is_told_from_an_absence(redis: RedisServer, who: str) -> None:
    facts = await look_at_redis(f"redis://{who}@{place(redis)}/0", "dialer")
    assert facts is not None
    assert facts.refused
    assert "wrong" not in facts.problem.lower().replace("wrongpass", "")


async def test_nobody_there() -> None:
    facts = await look_at_redis(f"redis://127.0.0.1:{free_port()}/0", "dialer")
    assert facts is not None
    assert facts.problem
    assert not facts.refused
