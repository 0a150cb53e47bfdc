"""The AMI actions that the simulated exchange understands, with the answers an Asterisk 22 gives."""

from collections.abc import Callable

from dialer.errors import DialerError, NotFoundError
from dialer.simulator.ami_session import Action, Session, event_classes
from dialer.simulator.ami_text import snapshot
from dialer.simulator.dialplan import TALK_CONTEXT
from dialer.simulator.switch import Channel, Order
from dialer.simulator.world import World

DEFAULT_TIMEOUT_MS = 30_000


class Actions:
    """What a session that is logged in may ask. `stamp` gives the present as `seconds.microseconds` of the Unix clock."""

    def __init__(self, world: World, stamp: Callable[[], str]) -> None:
        self._world, self._stamp = world, stamp
        self._orders = 0
        self._by_name: dict[str, Callable[[Session, Action], None]] = {
            "ping": self._ping,
            "logoff": self._logoff,
            "events": self._events,
            "corestatus": self._core_status,
            "coresettings": self._core_settings,
            "originate": self._originate,
            "setvar": self._setvar,
            "getvar": self._getvar,
            "redirect": self._redirect,
            "hangup": self._hangup,
            "coreshowchannels": self._core_show_channels,
            "dbget": self._db_get,
            "dbput": self._db_put,
            "dbdel": self._db_del,
        }

    def act(self, session: Session, action: Action) -> None:
        handler = self._by_name.get(action.name.lower())
        if handler is None:
            session.error(
                action,
                f"Invalid/unknown command: {action.name}. Use Action: ListCommands to show available commands.",
            )
            return
        try:
            handler(session, action)
        except DialerError as error:
            session.error(action, str(error))

    def _ping(self, session: Session, action: Action) -> None:
        session.reply(action, "Ping: Pong", f"Timestamp: {self._stamp()}")

    def _logoff(self, session: Session, action: Action) -> None:
        session.reply(action, "Message: Thanks for all the fish.", response="Goodbye")
        session.close()

    def _events(self, session: Session, action: Action) -> None:
        session.events = event_classes(action.get("EventMask"))
        session.reply(action, f"Events: {'On' if session.events else 'Off'}")

    def _core_status(self, session: Session, action: Action) -> None:
        session.reply(
            action,
            "CoreStartupDate: 2026-01-01",
            "CoreStartupTime: 00:00:00",
            "CoreReloadDate: 2026-01-01",
            "CoreReloadTime: 00:00:00",
            f"CoreCurrentCalls: {len(list(self._world.channels()))}",
            f"CoreProcessedCalls: {self._orders}",
        )

    def _core_settings(self, session: Session, action: Action) -> None:
        session.reply(
            action,
            "AMIversion: 11.0.0",
            "AsteriskVersion: 22.0.0-simulated",
            "SystemName: simulated",
            "CoreMaxCalls: 0",
            "CoreMaxLoadAvg: 0.000000",
        )

    def _originate(self, session: Session, action: Action) -> None:
        self._orders += 1
        order = order_of(action, f"originate-{self._orders}")
        if action.get("Async").lower() not in ("true", "yes", "1"):
            session.error(action, "The simulated exchange takes asynchronous calls only")
            return
        session.reply(action, "Message: Originate successfully queued")
        self._world.originate(order)

    def _setvar(self, session: Session, action: Action) -> None:
        self._world.set_variable(action.get("Channel"), action.get("Variable"), action.get("Value"))
        session.reply(action, "Message: Variable Set")

    def _getvar(self, session: Session, action: Action) -> None:
        name = action.get("Variable")
        value = self._world.get_variable(action.get("Channel"), name)
        session.reply(action, f"Variable: {name}", f"Value: {value}")

    def _redirect(self, session: Session, action: Action) -> None:
        if action.get("Context") != TALK_CONTEXT:
            session.error(action, "The simulated exchange knows one place to redirect to")
            return
        self._world.redirect(action.get("Channel"), action.get("Exten"))
        session.reply(action, "Message: Redirect successful")

    def _hangup(self, session: Session, action: Action) -> None:
        name, cause = action.get("Channel"), action.get("Cause")
        self._world.channel(name)
        session.reply(action, "Message: Channel Hungup")
        self._world.hang_up(name, int(cause) if cause.isdigit() else 0)

    def _core_show_channels(self, session: Session, action: Action) -> None:
        session.reply_list(
            action,
            "Channels will follow",
            "CoreShowChannel",
            [self._shown(channel) for channel in self._world.channels()],
            "CoreShowChannelsComplete",
        )

    def _shown(self, channel: Channel) -> list[str]:
        seconds = int(self._world.now - channel.opened_at)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        return [
            *snapshot(channel).removesuffix("\r\n").split("\r\n"),
            f"Application: {channel.application}",
            f"ApplicationData: {channel.application_data}",
            f"Duration: {hours:02}:{minutes:02}:{seconds % 60:02}",
            f"BridgeId: {channel.bridge.unique_id if channel.bridge is not None else ''}",
        ]

    def _db_get(self, session: Session, action: Action) -> None:
        family, key = action.get("Family"), action.get("Key")
        value = self._stored(family, key)
        item = [f"Family: {family}", f"Key: {key}", f"Val: {value}"]
        session.reply_list(action, "Result will follow", "DBGetResponse", [item], "DBGetComplete")

    def _db_put(self, session: Session, action: Action) -> None:
        self._world.database[action.get("Family"), action.get("Key")] = action.get("Val")
        session.reply(action, "Message: Updated database successfully")

    def _db_del(self, session: Session, action: Action) -> None:
        family, key = action.get("Family"), action.get("Key")
        self._stored(family, key)
        del self._world.database[family, key]
        session.reply(action, "Message: Key deleted successfully")

    def _stored(self, family: str, key: str) -> str:
        try:
            return self._world.database[family, key]
        except KeyError:
            raise NotFoundError("Database entry not found") from None


def order_of(action: Action, unique_id: str) -> Order:
    """The order in an Originate, under `unique_id` where it names none.

    Raises NotFoundError where the channel's name cannot be dialled.
    """
    technology, slash, resource = action.get("Channel").partition("/")
    number, at, endpoint = resource.partition("@")
    if not technology or not slash or not number:
        raise NotFoundError("Invalid channel")
    timeout = action.get("Timeout")
    return Order(
        unique_id=action.get("ChannelId") or unique_id,
        number=number,
        endpoint=endpoint if at else number,
        timeout=(int(timeout) if timeout.isdigit() else DEFAULT_TIMEOUT_MS) / 1000,
        context=action.get("Context"),
        exten=action.get("Exten"),
        caller_id=_number_of(action.get("CallerID")),
        variables=variables_of(action.all("Variable")),
        tag=action.get("ActionID"),
    )


def variables_of(headers: list[str]) -> dict[str, str]:
    """Variables as Asterisk reads them: a header splits at commas; quotes and backslashes are lost."""
    found: dict[str, str] = {}
    for header in headers:
        for pair in header.replace('"', "").replace("\\", "").split(","):
            name, _, value = pair.partition("=")
            if name:
                found[name.strip().lstrip("_")] = value
    return found


def _number_of(caller_id: str) -> str:
    """The number in `"name" <number>`, or the whole."""
    _, bracket, rest = caller_id.rpartition("<")
    return rest.removesuffix(">") if bracket else caller_id
