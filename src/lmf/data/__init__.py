"""Ids, sparse rows, and the way from tables and files to Interactions and splits."""
