"""The rig: real Asterisks of two versions, SIPp as callers and phones, all on loopback and on free ports."""
