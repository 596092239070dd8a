"""hotline: a company's service hotline between its PBX and its customers' records."""

__version__ = "0.1.0"
