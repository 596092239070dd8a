"""Pages of what customers agreed to, and what they do not want any more."""
