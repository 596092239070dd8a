"""The providers that carry messages and calls outside the PBX, a folder each. Nothing here knows the records."""
