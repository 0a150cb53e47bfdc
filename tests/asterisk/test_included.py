"""The dialer's files in an Asterisk that is there already: Debian's own configuration, and one in FreePBX's shape.

Only what asterisk_conf/pbx/README.md says is added to their files. Their ports, folders and addresses are those of a
pair on loopback.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from asterisk_conf.numbering import FarEndBehaviour, FarEndKind
from asterisk_conf.render import render
from dialer.config import ApiSettings
from dialer.doctor import Level
from dialer.doctor_run import examine
from dialer.testbed import AsteriskPair, Unavailable, find_root, pair_for
from dialer.testbed_ami import AmiAccess
from dialer.testbed_render import free_ports
from tests.support.asterisk_calls import ITALY, USA, place
from tests.support.live_server import campaign, settings
from tests.support.raw_ami import RawAmi, connected

pytestmark = pytest.mark.asterisk

TRUNK = "carrier"
SILENT = FarEndBehaviour(FarEndKind.SILENT_PERSON, ring_seconds=0.2)
THEIR_SECRET = "their-own-secret"
ADMIN = f"[admin]\nsecret = {THEIR_SECRET}\nread = all\nwrite = all\nwritetimeout = 5000\n"

Variables = Mapping[str, str]


# --- what both have: the steps of the README ----------------------------------------------------------------------------


def copy_ours(etc: Path, variables: Variables) -> None:
    """Step 1 of the README, and `amd.conf` where there is none."""
    for name in ("extensions", "manager", "musiconhold", "pjsip"):
        render("pbx", variables, etc, f"dialer-{name}.conf")
    if not (etc / "amd.conf").exists():
        render("pbx", variables, etc, "amd.conf")


def append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write(f"\n{text}\n")


MANAGER_LINES = "#include dialer-manager.conf\n[general](+)\ntimestampevents = yes"


def folders(variables: Variables) -> str:
    """Where this instance keeps its things, for asterisk.conf."""
    state = variables["STATE"]
    return (
        f"[directories]\nastetcdir => {state}/etc\nastmoddir => {variables['MODULES']}\n"
        f"astvarlibdir => {state}/lib\nastdbdir => {state}/db\nastkeydir => {state}/lib\n"
        f"astdatadir => {variables['DATA']}\nastagidir => {state}/lib\nastspooldir => {state}/spool\n"
        f"astrundir => {state}/run\nastlogdir => {state}/log\nastcachedir => {state}/lib\n"
    )


def their_sounds(etc: Path) -> None:
    """Their own prompts and hold music, in the data folder of the instance."""
    data = etc.parent / "data"
    (data / "sounds").mkdir(parents=True, exist_ok=True)
    if not (data / "sounds" / "en").is_symlink():
        (data / "sounds" / "en").symlink_to("/usr/share/asterisk/sounds/en")
    music = data / "moh"
    music.mkdir(exist_ok=True)
    (music / "hold.ulaw").write_bytes(b"\xff" * 8000)


# --- Debian's package -----------------------------------------------------------------------------------------------------

DEBIAN_PJSIP = """
; --- theirs: an address, a trunk and a phone
[global]
type = global
endpoint_identifier_order = username,ip

[udp]
type = transport
protocol = udp
bind = @SIP_BIND@:@SIP_PORT@

#include dialer-pjsip.conf
[carrier](dialer-trunk)
aors = carrier
[carrier]
type = aor
contact = sip:@TRUNK_HOST@:@TRUNK_PORT@
qualify_frequency = 30
[carrier]
type = identify
endpoint = carrier
match = @TRUNK_HOST@

[@PHONE_USER@]
type = endpoint
context = office
disallow = all
allow = alaw,ulaw
auth = @PHONE_USER@
aors = @PHONE_USER@
[@PHONE_USER@]
type = auth
auth_type = userpass
username = @PHONE_USER@
password = @PHONE_SECRET@
[@PHONE_USER@]
type = aor
max_contacts = 5
"""

DEBIAN_EXTENSIONS = """
; --- theirs: what the phones may dial
[office]
include => demo
include => dialer-phones

#include dialer-extensions.conf
"""

ELSEWHERE = ("chan_iax2", "chan_ooh323", "chan_unistim", "pbx_dundi", "chan_dahdi", "chan_mobile")
"""Modules that would listen on ports of the whole machine, or look for hardware."""


def fill(text: str, variables: Variables) -> str:
    return re.sub(r"@([A-Z_]+)@", lambda found: variables[found[1]], text)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    changed = re.sub(old, new, text, flags=re.MULTILINE)
    assert changed != text, f"{file.name} has no {old}"
    file.write_text(changed, encoding="utf-8")


def write_debian(etc: Path, variables: Variables) -> None:
    root = find_root()
    assert isinstance(root, Path)
    shutil.copytree(root / "etc" / "asterisk", etc, dirs_exist_ok=True)
    their_sounds(etc)
    change(etc / "asterisk.conf", r"^\[directories\][^\[]*", folders(variables))
    change(etc / "modules.conf", r"^\[global\]", "")
    append(etc / "modules.conf", "\n".join(f"noload => {name}.so" for name in ELSEWHERE))
    change(etc / "manager.conf", r"^port = 5038", f"port = {variables['AMI_PORT']}")
    change(etc / "rtp.conf", r"^rtpstart=10000", f"rtpstart={variables['RTP_START']}")
    change(etc / "rtp.conf", r"^rtpend=20000", f"rtpend={variables['RTP_END']}")
    (etc / "manager.d" / "admin.conf").write_text(ADMIN)
    append(etc / "pjsip.conf", fill(DEBIAN_PJSIP, variables))
    copy_ours(etc, variables)
    append(etc / "extensions.conf", DEBIAN_EXTENSIONS)
    append(etc / "manager.conf", MANAGER_LINES)
    append(etc / "musiconhold.conf", "#include dialer-musiconhold.conf")


# --- FreePBX's shape: generated files that include the owner's ..._custom ones --------------------------------------------

FREEPBX = {
    "modules.conf": "[modules]\nautoload = yes\npreload = pbx_config.so\n"
    + "".join(f"noload = {name}.so\n" for name in ELSEWHERE),
    "logger.conf": "[general]\ndateformat = %F %T\n[logfiles]\nmessages => notice,warning,error\n",
    "indications.conf": "[general]\ncountry = it\n",
    "rtp.conf": "[general]\n#include rtp_additional.conf\n#include rtp_custom.conf\n",
    "rtp_additional.conf": "rtpstart = @RTP_START@\nrtpend = @RTP_END@\n",
    "rtp_custom.conf": "",
    "manager.conf": """
[general]
enabled = yes
port = @AMI_PORT@
bindaddr = @AMI_HOST@
displayconnects = no
#include manager_additional.conf
#include manager_custom.conf
""",
    "manager_additional.conf": ADMIN,
    "manager_custom.conf": MANAGER_LINES,
    "musiconhold.conf": """
[general]
#include musiconhold_general_additional.conf
#include musiconhold_additional.conf
#include musiconhold_custom.conf
""",
    "musiconhold_general_additional.conf": "",
    "musiconhold_additional.conf": "[default]\nmode = files\ndirectory = moh\n",
    "musiconhold_custom.conf": "#include dialer-musiconhold.conf\n",
    "extensions.conf": """
#include extensions_override_freepbx.conf
#include extensions_additional.conf
#include extensions_custom.conf
[from-trunk]
include => from-pstn
[from-pstn]
include => from-pstn-custom
include => ext-did
[from-internal]
include => from-internal-noxfer
include => from-internal-xfer
include => bad-number
[from-internal-noxfer]
include => from-internal-noxfer-custom
[from-internal-xfer]
include => from-internal-custom
include => from-internal-additional
exten => h,1,Hangup()
""",
    "extensions_override_freepbx.conf": "",
    "extensions_additional.conf": """
[globals]
RINGTIMER = 15
ALLOW_SIP_ANON = no
#include globals_custom.conf
[from-internal-additional]
include => app-echo-test
include => app-queue-toggle
include => ext-local
[app-echo-test]
exten => 600,1,Answer()
 same => n,Echo()
[app-queue-toggle]
exten => *45,1,Answer()
 same => n,Hangup()
[ext-local]
exten => 101,1,Dial(PJSIP/101,${RINGTIMER})
 same => n,Hangup()
[ext-did]
exten => 0212345678,1,Set(__FROM_DID=${EXTEN})
 same => n,Goto(ext-local,101,1)
[bad-number]
exten => _[*#0-9].,1,Answer()
 same => n,Playback(cannot-complete-as-dialed)
 same => n,Congestion(5)
""",
    "globals_custom.conf": "",
    "extensions_custom.conf": """
#include dialer-extensions.conf
[from-internal-custom]
include => dialer-phones
""",
    "pjsip.conf": """
#include pjsip_custom.conf
[global]
type = global
user_agent = FPBX
endpoint_identifier_order = username,ip
#include pjsip.transports.conf
#include pjsip.endpoint.conf
#include pjsip.endpoint_custom_post.conf
#include pjsip.auth.conf
#include pjsip.aor.conf
#include pjsip.identify.conf
#include pjsip_custom_post.conf
""",
    "pjsip_custom.conf": "",
    "pjsip.transports.conf": """
[0.0.0.0-udp]
type = transport
protocol = udp
bind = @SIP_BIND@:@SIP_PORT@
""",
    "pjsip.endpoint.conf": """
[carrier]
type = endpoint
transport = 0.0.0.0-udp
context = from-pstn
disallow = all
allow = ulaw,alaw
aors = carrier
language = it
direct_media = no
rtp_timeout = 30
dtmf_mode = rfc4733
[@PHONE_USER@]
type = endpoint
context = from-internal
disallow = all
allow = ulaw,alaw
language = it
auth = @PHONE_USER@-auth
aors = @PHONE_USER@
direct_media = no
rtp_timeout = 30
""",
    "pjsip.endpoint_custom_post.conf": "",
    "pjsip.auth.conf": """
[@PHONE_USER@-auth]
type = auth
auth_type = userpass
username = @PHONE_USER@
password = @PHONE_SECRET@
""",
    "pjsip.aor.conf": """
[carrier]
type = aor
contact = sip:@TRUNK_HOST@:@TRUNK_PORT@
qualify_frequency = 60
[@PHONE_USER@]
type = aor
max_contacts = 1
""",
    "pjsip.identify.conf": "[carrier]\ntype = identify\nendpoint = carrier\nmatch = @TRUNK_HOST@\n",
    "pjsip_custom_post.conf": "",
}


def write_freepbx(etc: Path, variables: Variables) -> None:
    etc.mkdir(parents=True, exist_ok=True)
    their_sounds(etc)
    options = "[options]\ntransmit_silence_during_record = yes\nlanguageprefix = yes\n"
    (etc / "asterisk.conf").write_text(folders(variables) + options)
    for name, text in FREEPBX.items():
        (etc / name).write_text(fill(text, variables))
    copy_ours(etc, variables)


# --- the tests ------------------------------------------------------------------------------------------------------------


@dataclass
class Their:
    """Their Asterisk, with the dialer's link, their own administrator's, and the far end's."""

    pair: AsteriskPair
    ours: RawAmi
    admin: RawAmi
    far: RawAmi


@pytest.fixture(
    scope="module", params=[write_debian, write_freepbx], ids=["debian", "freepbx-shape"]
)
def their_pair(request: pytest.FixtureRequest) -> Iterator[AsteriskPair]:
    write: Callable[[Path, Variables], None] = request.param
    pair = pair_for(f"included-{write.__name__}-{os.getpid()}", free_ports(), write)
    if isinstance(pair, Unavailable):
        if os.environ.get("CI") == "true":
            pytest.fail(pair.reason)
        pytest.skip(pair.reason)
    try:
        pair.up()
        yield pair
    finally:
        pair.remove()


@pytest.fixture
async def their(their_pair: AsteriskPair) -> AsyncIterator[Their]:
    ami = their_pair.pbx.ami
    admin_access = AmiAccess(ami.host, ami.port, "admin", THEIR_SECRET)
    async with (
        connected(ami) as ours,
        connected(admin_access) as admin,
        connected(their_pair.far_end.ami) as far,
    ):
        yield Their(their_pair, ours, admin, far)
        for event in far.all("FarAgentUp"):
            await far.send("Hangup", ("Channel", event["Channel"]))


async def test_a_call_is_answered_waits_is_joined_to_an_agent_and_ends(their: Their) -> None:
    await asyncio.to_thread(their.pair.login_agents, ["7001"])
    await their.ours.event("DialerAgentIn", Agent="7001")
    leaver = FarEndBehaviour(FarEndKind.SILENT_PERSON, ring_seconds=0.2, talk_seconds=5)
    call = await place(their.ours, leaver, ITALY | {"DIALER_TONE": "1"}, trunk=TRUNK)
    up, _ = await call.answered(), await call.event("DialerWaiting")
    await call.join("7001")
    await call.talking("7001")
    over = await call.event("DialerTalkEnded")
    await call.ended()
    await their.ours.event("DialerAgentBack", Agent="7001")
    assert over.at - up.at == pytest.approx(5, abs=0.3)
    assert not call.all("DialerAbandoned")


async def test_an_agent_who_waits_is_found_after_a_reload_of_their_dialplan(their: Their) -> None:
    await asyncio.to_thread(their.pair.login_agents, ["7002"])
    await their.ours.event("DialerAgentIn", Agent="7002")
    their.pair.pbx.cli("dialplan reload")
    call = await place(their.ours, SILENT, ITALY, trunk=TRUNK)
    await call.event("DialerWaiting")
    await call.join("7002")
    await call.talking("7002")
    await their.ours.send("Hangup", ("Channel", call.id))
    await call.event("DialerTalkEnded")


async def test_nobody_in_time_is_an_abandonment_under_our_noise_not_their_music(
    their: Their,
) -> None:
    call = await place(their.ours, SILENT, ITALY, trunk=TRUNK)
    up, abandoned = await call.answered(), await call.event("DialerAbandoned")
    music = await their.admin.event("MusicOnHoldStart", Uniqueid=call.id)
    await call.ended()
    assert music["Class"] == "dialer-noise"
    assert 2.9 < abandoned.at - up.at < 3.0
    assert await call.fate() == "abandoned"


async def test_the_message_is_found_by_channels_of_any_language(their: Their) -> None:
    call = await place(their.ours, SILENT, USA, trunk=TRUNK)
    abandoned, end = await call.event("DialerAbandoned"), await call.ended()
    assert end.at - abandoned.at > 4


@pytest.mark.parametrize("noise", ["dialer-noise", ""])
async def test_a_greeting_is_told_from_a_machine_whatever_their_amd_conf_says(
    their: Their, noise: str
) -> None:
    greeter = FarEndBehaviour(FarEndKind.GREETS_THEN_SILENT, ring_seconds=0.5, talk_seconds=5)
    asked = ITALY | {"DIALER_AMD": "1", "DIALER_NOISE": noise}
    call = await place(their.ours, greeter, asked, trunk=TRUNK)
    assert (await call.event("DialerScreened"))["Status"] == "HUMAN"
    await call.ended()


async def test_their_own_extensions_still_work(their: Their) -> None:
    """A phone of theirs dials their echo test."""
    before = len(their.admin.events)
    await their.far.send(
        "Originate",
        ("Channel", "PJSIP/600@phone"),
        ("Application", "Wait"),
        ("Data", "30"),
        ("Async", "true"),
    )
    first = await their.admin.event("Newexten", after=before, Extension="600")
    assert first["Context"] in {"office", "from-internal"}
    caller = first["Uniqueid"]
    await their.admin.event("Newstate", after=before, Uniqueid=caller, ChannelStateDesc="Up")
    await their.admin.send("Hangup", ("Channel", caller))
    await their.admin.event("Hangup", Uniqueid=caller)


async def test_their_globals_music_and_users_are_still_theirs(their: Their) -> None:
    cli = their.pair.pbx.cli
    music = await asyncio.to_thread(cli, "moh show classes")
    assert {"default", "dialer-noise"} <= set(re.findall(r"^Class: (\S+)", music, re.MULTILINE))
    users = await asyncio.to_thread(cli, "manager show users")
    assert {"admin", "dialer"} <= set(users.split())
    variables = await asyncio.to_thread(cli, "dialplan show globals")
    assert re.search(r"^\s*(RINGTIMER|TRUNKMSD)=", variables, re.MULTILINE)


async def test_the_doctor_has_nothing_to_mend(their: Their, tmp_path: Path) -> None:
    value = settings(
        their.pair,
        tmp_path,
        ["7001"],
        campaign(trunks=[TRUNK], screen=True, profile="US-FED", ring_timeout_seconds=16),
    )
    findings = await examine(value.model_copy(update={"api": ApiSettings(port=0)}))
    wrong = [f for f in findings if f.level in (Level.WARNING, Level.FAULT)]
    assert wrong == []
