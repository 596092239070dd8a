"""Pages of callers in a flow: sessions, flows, prompts."""
