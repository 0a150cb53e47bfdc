"""A fault: what is done to the running system, and how it is undone. `all_faults` names every one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.faults.floor import Floor


class Database(StrEnum):
    POSTGRESQL = "postgresql"
    POSTGRESQL_ON_SMALL_DISK = "postgresql on a small disk"
    SQLITE_ON_SMALL_DISK = "sqlite on a small disk"


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` and `heal` return when it is done; between them `hold_seconds` pass."""

    name: str
    words: str  # what is done, for the reader of the table
    strike: Callable[[Floor], None]
    heal: Callable[[Floor], None] = field(default=lambda floor: None)
    hold_seconds: float = 0.0
    database: Database = Database.POSTGRESQL
    redis: bool = False  # the server uses one
    clock_step_seconds: float = 0.0  # of the server's clock, from the strike on
    sign: str = ""  # what the server must have logged, else the fault did not reach it
    pbx_dies: bool = (
        False  # calls that are up at the strike are cut: no program can speak for a dead PBX
    )


def all_faults() -> dict[str, Fault]:
    from bench.faults import clocks, databases, links, processes

    groups = (processes.FAULTS, links.FAULTS, databases.FAULTS, clocks.FAULTS)
    return {fault.name: fault for group in groups for fault in group}
