"""Mail of conversations: in, out, bounces, mailboxes."""
