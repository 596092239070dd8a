"""Measurements: one file per figure, each beside a peer in the same run, medians of three. ``make bench`` runs all."""
