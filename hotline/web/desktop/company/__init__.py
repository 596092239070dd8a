"""Pages of what the company decides for itself: settings, calendars, lists, the first set-up."""
