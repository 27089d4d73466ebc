"""Measurements on a chain with proxies."""
