"""The AMI actions as ListCommands tells them; those that the simulated PBX answers are in ``actions``."""

from __future__ import annotations

#: What ListCommands says: name, text, rights.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("Atxfer", "Attended transfer.", "call,all"),
    ("BlindTransfer", "Blind transfer channel(s) to the given destination", "call,all"),
    ("CancelAtxfer", "Cancel an attended transfer.", "call,all"),
    ("Challenge", "Generate Challenge for MD5 Auth.", "<none>"),
    ("Command", "Execute Asterisk CLI Command.", "command,all"),
    ("CoreSettings", "Show PBX core settings (version etc).", "system,reporting,all"),
    ("CoreShowChannels", "List currently active channels.", "system,reporting,all"),
    ("CoreStatus", "Show PBX core status variables.", "system,reporting,all"),
    ("DeviceStateList", "List the current known device states.", "call,reporting,all"),
    ("Events", "Control Event Flow.", "<none>"),
    ("Filter", "Dynamically add filters for the current manager session.", "system,all"),
    ("Getvar", "Gets a channel variable or function value.", "call,reporting,all"),
    ("Hangup", "Hangup channel.", "system,call,all"),
    ("ListCommands", "List available manager commands.", "<none>"),
    ("Login", "Login Manager.", "<none>"),
    ("Logoff", "Logoff Manager.", "<none>"),
    ("ModuleCheck", "Check if module is loaded.", "system,all"),
    ("Originate", "Originate a call.", "originate,all"),
    ("PJSIPShowEndpoints", "Lists PJSIP endpoints.", "system,all"),
    ("Ping", "Keepalive command.", "<none>"),
    ("QueueAdd", "Add interface to queue.", "agent,all"),
    ("QueuePause", "Makes a queue member temporarily unavailable.", "agent,all"),
    ("QueueRemove", "Remove interface from queue.", "agent,all"),
    ("QueueStatus", "Show queue status.", "<none>"),
    ("QueueSummary", "Show queue summary.", "<none>"),
    ("Redirect", "Redirect (transfer) a call.", "call,all"),
    ("ShowDialPlan", "Show dialplan contexts and extensions", "config,reporting,all"),
)
