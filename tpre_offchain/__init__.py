"""Threshold proxy re-encryption over BLS12-381, with the conversion checked on the chain."""
