"""The configuration of one Asterisk of the rig: the shipped dialplans/ plus a trunk, phones and queues."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

DIALPLANS: Final = Path(__file__).resolve().parents[2] / "dialplans"
AGENTS: Final = ("agent1", "agent2", "agent3", "agent4", "agent5")
#: The account that hotline signs in with, and the rig's own.
HOTLINE: Final = ("hotline", "hotline-secret")
RIG: Final = ("rig", "rig-secret")

#: Numbers that a caller dials, each with what happens.
RINGALL: Final = "4000"  # queue support: agent1 to agent3 ring at once
ROUND_ROBIN: Final = "4001"  # queue sales: agent1 to agent3 in turn
FREEPBX: Final = "4002"  # queue fpbx: Local/…@from-queue members of agent1 and agent2
SHORT: Final = "4003"  # queue short: gives up after four seconds
LEAVE_EMPTY: Final = "4004"  # queue leave: gives up when its only member is paused
FIRST_ONLY: Final = "4005"  # queue first: agent1 alone
DIRECT: Final = "4006"  # no queue: agent1's extension
TWILIO: Final = "4007"  # a caller whom Twilio sends on, told by headers
KEYS: Final = "4090"  # takes two keys, tells them in a UserEvent, then echoes


def extension(agent: str) -> str:
    """The number that colleagues dial for an agent."""
    return f"100{AGENTS.index(agent) + 1}"


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one Asterisk; ``phones`` and ``trunk`` are where SIPp listens."""

    ami: int
    sip: int
    trunk: int
    phones: Mapping[str, int] = field(default_factory=dict)


def write_config(folder: Path, inside: str, root: Path, version: int, ports: Ports) -> None:
    """Write every file that this Asterisk reads into ``folder``/etc; it sees ``folder`` as ``inside``.

    The package's own files stay for what the rig does not set.
    """
    for name in ("lib/keys", "spool/hotline", "run", "log"):
        (folder / name).mkdir(parents=True)
    etc = folder / "etc"
    shutil.copytree(root / "etc/asterisk", etc)
    for shipped in DIALPLANS.glob("*_hotline*.conf"):
        shutil.copy(shipped, etc)
    for name, text in {
        "asterisk.conf": ASTERISK.replace("MODULES", modules_folder(root)).replace("/srv", inside),
        "modules.conf": MODULES,
        "logger.conf": LOGGER,
        "musiconhold.conf": MUSIC,
        "rtp.conf": RTP,
        "cdr.conf": "[general]\nenable = no\n",
        "features.conf": "#include features_hotline.conf\n",
        "res_http_media_cache.conf": "#include res_http_media_cache_hotline.conf\n",
        "extensions.conf": EXTENSIONS,
        "queues.conf": QUEUES,
        "manager.conf": manager(version, ports.ami),
        "pjsip.conf": pjsip(ports),
    }.items():
        (etc / name).write_text(text)
    upload = DIALPLANS / "hotline-upload"
    if upload.exists():
        shutil.copy(upload, folder)
        edit_dialplan(folder, {"HOTLINE_SPOOL": f"{inside}/spool/hotline", "HOTLINE_UPLOAD": f"{inside}/{upload.name}"})


def edit_dialplan(folder: Path, settings: Mapping[str, str]) -> None:
    """Do what an administrator does in [hotline-settings]: give each of these variables its value."""
    path = folder / "etc" / "extensions_hotline.conf"
    text = path.read_text()
    for name, value in settings.items():
        line = re.search(rf"Set\({name}=[^)]*\)", text)
        assert line, f"{name} is no setting of the dialplan"
        text = text.replace(line[0], f"Set({name}={value})", 1)
    path.write_text(text)


def modules_folder(root: Path) -> str:
    """Where this Debian keeps Asterisk's modules, as Asterisk sees it."""
    (found,) = root.glob("usr/lib/**/asterisk/modules")
    return f"/{found.relative_to(root)}"


def manager(version: int, port: int) -> str:
    """hotline's account as it is shipped, with this rig's secret, and the rig's own account."""
    shipped = "manager_hotline.conf" if version >= 22 else "manager_hotline_16.conf"
    account = (DIALPLANS / shipped).read_text().replace("CHANGE-ME", HOTLINE[1])
    return f"""[general]
enabled = yes
bindaddr = 127.0.0.1
port = {port}
timestampevents = yes

{account}
[{RIG[0]}]
secret = {RIG[1]}
read = system,call,agent,dialplan,reporting,user
write = system,call,agent,originate,reporting,command,config
writetimeout = 10000
eventfilter = !Event: RTCP
eventfilter = !Event: TestEvent
"""


def pjsip(ports: Ports) -> str:
    """A trunk that any other caller on loopback is, and the agents' phones at their ports."""
    lines = [
        "[udp]",
        "type = transport",
        "protocol = udp",
        f"bind = 127.0.0.1:{ports.sip}",
        "",
        "[global]",
        "type = global",
        "endpoint_identifier_order = auth_username,username,ip",
        *_endpoint("trunk", ports.trunk, "context = from-trunk", "trust_id_inbound = yes"),
        "",
        "[trunk]",
        "type = identify",
        "endpoint = trunk",
        "match = 127.0.0.1",
    ]
    for agent, port in ports.phones.items():
        number = extension(agent)
        lines += _endpoint(
            agent,
            port,
            "context = hotline-phones",
            "dtmf_mode = info",
            f'callerid = "{agent}" <{number}>',
            "call_group = 1",
            "pickup_group = 1",
        )
    return "\n".join(lines) + "\n"


def _endpoint(name: str, port: int, *more: str) -> list[str]:
    common = ["disallow = all", "allow = ulaw", "direct_media = no", f"aors = {name}"]
    # Without an address of its own Asterisk looks up the host's name for each call.
    common += ["media_address = 127.0.0.1", "bind_rtp_to_media_address = yes"]
    aor = ["", f"[{name}]", "type = aor", f"contact = sip:{name}@127.0.0.1:{port}"]
    return ["", f"[{name}]", "type = endpoint", *common, *more, *aor]


ASTERISK: Final = """[directories]
astetcdir => /srv/etc
astmoddir => MODULES
astvarlibdir => /srv/lib
astdbdir => /srv/lib
astkeydir => /srv/lib
astdatadir => /usr/share/asterisk
astagidir => /srv/lib
astspooldir => /srv/spool
astrundir => /srv/run
astlogdir => /srv/log

[options]
verbose = 3
"""

# Without what opens ports of its own or needs hardware, several Asterisks live on one machine.
MODULES: Final = """[modules]
autoload = yes
noload = chan_iax2.so
noload = chan_sip.so
noload = chan_skinny.so
noload = chan_mgcp.so
noload = chan_unistim.so
noload = chan_dahdi.so
noload = chan_console.so
noload = chan_oss.so
noload = chan_alsa.so
noload = chan_motif.so
noload = chan_ooh323.so
noload = pbx_dundi.so
noload = pbx_ael.so
noload = pbx_lua.so
noload = res_hep.so
noload = res_xmpp.so
noload = res_snmp.so
noload = res_fax.so
noload = res_calendar.so
noload = res_smdi.so
noload = res_phoneprov.so
noload = app_voicemail.so
noload = app_voicemail_imap.so
noload = app_voicemail_odbc.so
noload = app_minivm.so
noload = cdr_sqlite3_custom.so
noload = cel_sqlite3_custom.so
noload = res_config_ldap.so
noload = res_config_pgsql.so
noload = res_config_sqlite3.so
"""

LOGGER: Final = """[general]
[logfiles]
full.log => notice,warning,error,verbose
"""

MUSIC: Final = """[default]
mode = files
directory = moh
"""

RTP: Final = """[general]
rtpstart = 40000
rtpend = 60000
icesupport = no
"""

EXTENSIONS: Final = f"""[from-trunk]
exten => {RINGALL},1,Set(HOTLINE_QUEUE=support)
 same => n,Goto(hotline-in,${{EXTEN}},1)
exten => {ROUND_ROBIN},1,Set(HOTLINE_QUEUE=sales)
 same => n,Goto(hotline-in,${{EXTEN}},1)
exten => {FREEPBX},1,Set(HOTLINE_QUEUE=fpbx)
 same => n,Goto(hotline-in,${{EXTEN}},1)
exten => {SHORT},1,Set(HOTLINE_QUEUE=short)
 same => n,Set(HOTLINE_QUEUE_SECONDS=4)
 same => n,Goto(hotline-in,${{EXTEN}},1)
exten => {LEAVE_EMPTY},1,Set(HOTLINE_QUEUE=leave)
 same => n,Goto(hotline-in,${{EXTEN}},1)
exten => {FIRST_ONLY},1,Set(HOTLINE_QUEUE=first)
 same => n,Goto(hotline-in,${{EXTEN}},1)
exten => {DIRECT},1,Set(HOTLINE_PRESENTATION=${{CALLERID(num-pres)}})
 same => n,Goto(hotline-agents,1001,1)
exten => {TWILIO},1,Goto(hotline-twilio,${{EXTEN}},1)
exten => {KEYS},1,Answer()
 same => n,Read(KEYS,,2,,,15)
 same => n,UserEvent(Keys,Keys: ${{KEYS}})
 same => n,Echo()
include => hotline-in

#include extensions_hotline.conf

; The rig's further phones, and the context in which FreePBX rings a queue's members.
[hotline-agents](+)
exten => 1004,1,Gosub(hotline-ring,s,1(PJSIP/agent4))
exten => 1005,1,Gosub(hotline-ring,s,1(PJSIP/agent5))

[from-queue]
exten => _X.,1,Goto(ext-local,${{EXTEN}},1)

[ext-local]
exten => _100X,1,Dial(PJSIP/agent${{EXTEN:3}},30,tTr)
 same => n,Hangup(${{HANGUPCAUSE}})
"""

QUEUES: Final = """[general]
persistentmembers = no
log_membername_as_agent = no

[queue](!)
timeout = 30
retry = 1
wrapuptime = 0
ringinuse = yes
joinempty = yes

[support](queue)
strategy = ringall
member => PJSIP/agent1
member => PJSIP/agent2
member => PJSIP/agent3

[sales](queue)
strategy = rrmemory
timeout = 3
member => PJSIP/agent1
member => PJSIP/agent2
member => PJSIP/agent3

[fpbx](queue)
strategy = ringall
member => Local/1001@from-queue/n,0,Anna,PJSIP/agent1
member => Local/1002@from-queue/n,0,Ben,PJSIP/agent2

[short](queue)
strategy = ringall
member => PJSIP/agent1

[leave](queue)
strategy = ringall
timeout = 3
leavewhenempty = paused
member => PJSIP/agent1

[first](queue)
strategy = ringall
member => PJSIP/agent1
"""
