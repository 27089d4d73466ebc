"""Measurements that need no chain."""
