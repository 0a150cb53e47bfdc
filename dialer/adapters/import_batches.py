"""Batches of a file's rows, judged by other processes and given back in the file's order."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from dialer.adapters.csv_rows import Row
from dialer.adapters.lead_table import Rejected, Table, judge
from dialer.adapters.person_numbers import phones_of
from dialer.errors import DialerError
from dialer.ids import LeadId, uuid7
from dialer.lead_lists import LeadOrder, rank_of


class IdentifiedLead(NamedTuple):
    """A new lead of a list; the fields are those of NewLead, then its rank in the list."""

    lead_id: LeadId
    phone: str
    name: str
    zone: str
    priority: int
    external_id: str | None
    attributes: str | None
    numbers: str | None
    rank: int

    @property
    def phones(self) -> tuple[str, ...]:
        return phones_of(self.phone, self.numbers)


class Batch(NamedTuple):
    number: int
    table: Table
    rows: list[Row]
    seed: str
    started_at: datetime
    order: LeadOrder = LeadOrder.PRIORITY
    order_seed: int = 0


class JudgedBatch(NamedTuple):
    """`leads` in the order of their numbers, for the index; their ids are in the file's order."""

    number: int
    rows: int
    leads: list[IdentifiedLead]
    rejected: list[Rejected]


def judge_batch(batch: Batch) -> JudgedBatch:
    """The same batch gets the same ids, whenever it is judged; a later batch gets later ones."""
    judged = judge(batch.table, batch.rows)
    random = Random(f"{batch.seed}/{batch.number}")
    at = batch.started_at + timedelta(milliseconds=batch.number)
    ids = sorted(uuid7(at, random) for _ in judged.leads)
    leads = [
        IdentifiedLead(lead_id, *cells, _rank(batch, lead_id, cells.zone))
        for lead_id, cells in zip(map(LeadId, ids), judged.leads, strict=True)
    ]
    leads.sort(
        key=lambda lead: lead.phone
    )  # keeps the order of equal numbers: the first one counts
    rejected = sorted(judged.rejected, key=lambda row: row.line)
    return JudgedBatch(batch.number, len(batch.rows), leads, rejected)


def _rank(batch: Batch, lead_id: LeadId, zone: str) -> int:
    return rank_of(batch.order, batch.order_seed, lead_id, zone=zone)


async def judge_all(batches: Iterator[Batch], *, workers: int) -> AsyncGenerator[JudgedBatch, None]:
    """In order. At most `workers` + 1 batches are under way; 0: no processes, everything here."""
    if workers == 0:
        for batch in batches:
            yield judge_batch(batch)
        return
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_live_with_parent
    )
    under_way: deque[Future[JudgedBatch]] = deque()
    try:
        for batch in batches:
            under_way.append(pool.submit(judge_batch, batch))
            if len(under_way) > workers:
                yield await asyncio.wrap_future(under_way.popleft())
        while under_way:
            yield await asyncio.wrap_future(under_way.popleft())
    except BrokenProcessPool:
        problem = (
            "a process that read the file was killed; the same command again goes on from here"
        )
        raise DialerError(problem) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _live_with_parent() -> None:
    """Ctrl-C is the parent's to handle; a parent that was killed leaves no process behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_after_parent, daemon=True).start()


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
