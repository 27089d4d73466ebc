"""Building the contracts, putting them on a chain, and what others need to talk to them."""
