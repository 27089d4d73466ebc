"""Measurements: the cryptography against its peers, rounds on a real chain, gas. Each gives plain values for JSON.

Nothing here judges: the report sets the figures beside the goals. Times are medians of repetitions in which the schemes
take turns, so that what else the machine does falls on all of them alike.
"""
