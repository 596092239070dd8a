"""Mail: out by SMTP, in by LMTP or IMAP."""
