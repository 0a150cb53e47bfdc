"""All Asterisk servers of the installation, by name: started and stopped together, each on its own while they run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from dialer.adapters.asterisk import AsteriskTelephony
from dialer.ami_node import AmiEndpoint
from dialer.ami_stats import AmiStats
from dialer.events import Event
from dialer.ids import NodeId
from dialer.ports import Clock


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where one server listens, and whether agents hear a short tone when a talk begins."""

    endpoint: AmiEndpoint
    connect_tone: bool = True


class Exchanges(Mapping[NodeId, AsteriskTelephony]):
    """One AsteriskTelephony a server, in the order of the settings."""

    def __init__(
        self,
        servers: Iterable[Exchange],
        *,
        clock: Clock,
        random: Random,
        on_event: Callable[[Event], None],
        on_up: Callable[[NodeId], None],
        on_down: Callable[[NodeId, str], None],
    ) -> None:
        self._by_node = {
            (node := NodeId(server.endpoint.name)): AsteriskTelephony(
                server.endpoint,
                clock=clock,
                random=random,
                on_event=on_event,
                on_up=on_up,
                on_down=on_down,
                node=node,
                connect_tone=server.connect_tone,
            )
            for server in servers
        }

    def __getitem__(self, node: NodeId) -> AsteriskTelephony:
        return self._by_node[node]

    def __iter__(self) -> Iterator[NodeId]:
        return iter(self._by_node)

    def __len__(self) -> int:
        return len(self._by_node)

    @property
    def up(self) -> list[NodeId]:
        """Those whose links are up now."""
        return [node for node, telephony in self._by_node.items() if telephony.up]

    @property
    def stats(self) -> dict[NodeId, AmiStats]:
        return {node: telephony.stats for node, telephony in self._by_node.items()}

    def start(self) -> None:
        for telephony in self._by_node.values():
            telephony.start()

    async def wait_up(self) -> None:
        """Until all links are up; give it a deadline."""
        for telephony in self._by_node.values():
            await telephony.wait_up()

    async def close(self) -> None:
        for telephony in self._by_node.values():
            await telephony.close()
