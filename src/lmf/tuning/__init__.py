"""Tuning: the parameters of a model chosen on a part of the data, within a budget of time."""
