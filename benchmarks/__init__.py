"""Benchmarks of lmf: one command per claim, results as JSON beside the script (see README.md)."""
