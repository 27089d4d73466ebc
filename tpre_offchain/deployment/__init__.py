"""What puts the contracts on a chain."""
