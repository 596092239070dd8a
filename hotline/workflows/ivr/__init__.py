"""Callers in a flow: sessions, flows and their versions, prompts."""
