"""A process that dies by SIGKILL before or after the commit of what it writes.

python -m tests.contract.crash before|after open|close URL
"""

import asyncio
import os
import signal
import sys
from random import Random

from sqlalchemy import event

from dialer.adapters.sql.engine import connect
from dialer.adapters.sql.migrate import migrate
from dialer.adapters.sql.store import stores_on
from dialer.leads import LeadState, Outcome
from tests.contract.world import HOUR, NOON, SPRING, World, call_to, policy


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(when: str, what: str, url: str) -> None:
    await migrate(url)
    database = connect(url)
    world = World(stores_on(database, Random(1)))
    await world.stores.campaigns.save(policy(SPRING))
    for index in range(3):
        await world.lead(index)
    calls = [call_to(lead) for lead in await world.reserve()]
    if what == "close":
        await world.open(calls)
    if when == "before":  # everything is written, COMMIT is about to be sent
        event.listen(database.writer.sync_engine, "commit", die)
    if what == "open":
        await world.open(calls)
    else:
        await world.close(calls[0], Outcome.BUSY, state=LeadState.RETRY, next_at=NOON + HOUR)
    die()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
