"""How accurate: published protocols, run on our copy of their data."""
