"""What happens when …: one function per story, one unit of work each. The doors call these and nothing below."""
