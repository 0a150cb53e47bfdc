"""The Clock port on the machine's clock."""

import asyncio
from datetime import UTC, datetime


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def wait_until(self, instant: datetime) -> None:
        await asyncio.sleep(max((instant - self.now()).total_seconds(), 0.0))
