"""Business hours and holidays in a time zone, for the IVR and for deadlines. Pure."""
