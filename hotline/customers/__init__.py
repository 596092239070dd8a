"""Customers, without any I/O: how names and contact points are cleaned, normalised and made findable."""
