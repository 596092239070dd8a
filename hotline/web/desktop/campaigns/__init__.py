"""Pages of campaigns: segments, templates, review, runs, results."""
