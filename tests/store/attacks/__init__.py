"""Attacks on the reader of model files: a function each, a file of theirs a kind."""
