"""Consent: what customers agreed to, what they do not want any more, and where they say so."""
