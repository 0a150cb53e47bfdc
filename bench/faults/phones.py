"""The agents' phones on the far end: each keeps one call to the PBX up, and dials again when that call has ended."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from dialer.testbed_ami import AmiAccess, sync_ami

LOOK_SECONDS = 1.0
PREFIX = "phone-"


class Phones:
    """`start` once, `stop` once. A phone knows only its own call: it is told nothing of the server nor of the PBX."""

    def __init__(self, far_end: AmiAccess, codes: Sequence[str]) -> None:
        self._far_end = far_end
        self._codes = list(codes)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._dialled = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(15)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                calling = {
                    name.split("-")[1]
                    for name in channels(self._far_end)
                    if name.startswith(PREFIX)
                }
                self._dial([code for code in self._codes if code not in calling])
            except (OSError, TimeoutError):
                continue  # the far end itself stands still

    def _dial(self, codes: list[str]) -> None:
        if not codes:
            return
        with sync_ami(self._far_end, "off", 5) as (send, messages):
            for code in codes:
                self._dialled += 1
                send(
                    f"Action: Originate\r\nChannel: PJSIP/*45{code}@phone\r\nContext: agents\r\nExten: {code}\r\n"
                    f"Priority: 1\r\nAsync: true\r\nTimeout: 5000\r\nChannelId: {PREFIX}{code}-{self._dialled}\r\n\r\n"
                )
            answers = 0
            for message in messages:
                answers += "Response" in message
                if answers > len(codes):  # the log-in's, and one each
                    return


def channels(far_end: AmiAccess, seconds: float = 5) -> dict[str, str]:
    """Every channel of the far end: unique id to name. Raises OSError, TimeoutError when it does not tell."""
    found: dict[str, str] = {}
    with sync_ami(far_end, "off", seconds) as (send, messages):
        send("Action: CoreShowChannels\r\n\r\n")
        for message in messages:
            if message.get("Event") == "CoreShowChannel":
                found[message["Uniqueid"]] = message["Channel"]
            if message.get("Event") == "CoreShowChannelsComplete":
                return found
    raise TimeoutError("the far end does not list its channels")


def hang_up(far_end: AmiAccess, names: Sequence[str]) -> None:
    """End calls of the far end."""
    with sync_ami(far_end, "off", 5) as (send, messages):
        for name in names:
            send(f"Action: Hangup\r\nChannel: {name}\r\n\r\n")
        for count, _ in enumerate(messages):
            if count >= len(names):
                return
