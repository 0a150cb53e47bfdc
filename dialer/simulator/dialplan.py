"""An answered customer's channel: context `dialer-answered` of docs/reference/dialplan-protocol.md."""

from math import ceil

from dialer.events import Screening
from dialer.simulator.people import Encounter
from dialer.simulator.scenario import Scenario
from dialer.simulator.switch import FATE_FAMILY, NORMAL_CLEARING, Channel, Switch
from dialer.simulator.talks import Talks

WAITING_ROOM = "dialer-calls"
AMD_WORDS = {
    Screening.HUMAN: ("HUMAN", "HUMAN-800-800"),
    Screening.MACHINE: ("MACHINE", "MAXWORDS-3-3"),
    Screening.UNSURE: ("NOTSURE", "TOOLONG-4900"),
}


class Dialplan:
    """Limit, screening, waiting, abandonment, end of talk. Its word on abandonment is final, and kept in the database."""

    def __init__(self, switch: Switch, talks: Talks, scenario: Scenario) -> None:
        self._switch, self._talks, self._scenario = switch, talks, scenario

    def start(self, channel: Channel) -> None:
        """An answered channel runs from here."""
        met = channel.encounter
        assert met is not None
        channel.on_timeout = lambda: self._limit_reached(channel)
        if (limit := limit_seconds(channel)) is not None:
            self._switch.set_timeout(channel, channel.answered_at + limit)
        gives_up = channel.answered_at + met.patience
        self._switch.arm(channel, "patience", gives_up, lambda: self._gives_up(channel))
        if channel.variables.get("DIALER_AMD") == "1":
            self._screen(channel, met)
        else:
            self._wait(channel)

    def _screen(self, channel: Channel, met: Encounter) -> None:
        self._switch.run(channel, "AMD")
        verdict_at = channel.answered_at + met.screen
        self._switch.arm(channel, "amd", verdict_at, lambda: self._screened(channel, met.verdict))

    def _screened(self, channel: Channel, verdict: Screening) -> None:
        status, cause = AMD_WORDS[verdict]
        self._switch.say(channel, "DialerScreened", {"Status": status, "Cause": cause})
        if verdict is Screening.MACHINE:
            self._switch.close(channel, NORMAL_CLEARING)
        else:
            self._wait(channel)

    def _wait(self, channel: Channel) -> None:
        self._switch.say(channel, "DialerWaiting")
        limit = limit_seconds(channel)
        seconds = f"S({ceil(limit)})" if limit is not None else ""
        self._switch.run(channel, "BridgeWait", f"{WAITING_ROOM},participant,e(s){seconds}")
        channel.resume = lambda: self._talk_ended(channel)
        self._switch.hold(channel, WAITING_ROOM)
        if limit is not None:
            second_line = self._switch.schedule.now + max(1, ceil(limit))
            self._switch.arm(channel, "second line", second_line, lambda: self._abandon(channel))

    def _gives_up(self, channel: Channel) -> None:
        self._switch.watcher.hangup_requested(channel, NORMAL_CLEARING, False)
        self._switch.close(channel, NORMAL_CLEARING)

    def _limit_reached(self, channel: Channel) -> None:
        """Extension T: at the limit, whatever the channel was doing, a talk included."""
        if channel.talk is not None:
            self._talks.part(channel.talk, gone=channel)
        self._abandon(channel)

    def _abandon(self, channel: Channel) -> None:
        self._switch.disarm(channel, "amd", "second line", "resume", "message")
        self._switch.set_timeout(channel, None)
        self._switch.leave(channel)
        channel.exten = "T"
        message = channel.variables.get("DIALER_ACTION") == "message"
        action = "message" if message else "hangup"
        self._switch.database[FATE_FAMILY, channel.unique_id] = "abandoned"
        self._switch.say(channel, "DialerAbandoned", {"Action": action})
        if not message:
            self._switch.close(channel, NORMAL_CLEARING)
            return
        self._switch.run(channel, "Playback", channel.variables.get("DIALER_MESSAGE", ""))
        channel.resume = lambda: self._switch.close(channel, NORMAL_CLEARING)
        over = self._switch.schedule.now + self._scenario.message_seconds
        self._switch.arm(channel, "message", over, channel.resume)

    def _talk_ended(self, channel: Channel) -> None:
        self._switch.say(channel, "DialerTalkEnded")
        self._switch.close(channel, NORMAL_CLEARING)


def limit_seconds(channel: Channel) -> float | None:
    """The limit that came with the call, or None."""
    try:
        return int(channel.variables.get("DIALER_LIMIT_MS", "")) / 1000
    except ValueError:
        return None
