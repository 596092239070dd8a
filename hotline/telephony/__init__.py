"""What Asterisk tells us: one reader per PBX under a lease, the journal, and the commands that go back."""
