"""Reads of the company's people: users, teams, roles, rights, signing in."""
