"""What the store knows of one number, for one client, at one instant: it travels with the lead that has the number."""

from dataclasses import dataclass
from datetime import datetime

from dialer.consents import ConsentRecord
from dialer.do_not_call import DoNotCall
from dialer.registers import RegisterResult


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberFacts:
    at: datetime  # when it was looked up
    dnc: tuple[DoNotCall, ...] = ()
    registers: tuple[RegisterResult, ...] = ()
    consents: tuple[ConsentRecord, ...] = ()
