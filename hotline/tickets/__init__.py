"""Rules about tickets: states, automatic tickets, deadlines. Pure: no clock, no database."""
