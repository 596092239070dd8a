"""The FastAGI server: what a caller's dialplan asks hotline, and how a flow's effects are performed on the line."""
