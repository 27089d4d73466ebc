"""Sending transactions: one at a time per nonce, paid for, found again after a crash."""
