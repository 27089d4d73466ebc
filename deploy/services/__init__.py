"""Kubo and geth, built from source at pinned versions, for the tests that want the real daemons."""
