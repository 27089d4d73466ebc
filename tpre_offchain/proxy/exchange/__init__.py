"""What members of a committee tell one another over HTTP (SPEC §15)."""
