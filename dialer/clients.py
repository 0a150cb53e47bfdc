"""The companies on whose behalf people are called. A centre that calls for itself has one: MAIN_CLIENT."""

from dataclasses import dataclass

from dialer.ids import MAIN_CLIENT, ClientId


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    client_id: ClientId
    name: str


MAIN = Client(client_id=MAIN_CLIENT, name=MAIN_CLIENT)
"""It is always there; its name may be changed."""
