"""The IVR engine: flows, their checks, and one caller's way through them. Pure: it performs nothing itself."""
