"""What the company decides for itself: its data, calendars, lists, fields, senders, the first set-up."""
