"""Campaigns: segments, templates, review, the run of a campaign, links and results."""
