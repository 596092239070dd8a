"""The company's people: users, teams, roles, grants, signing in and leaving."""
