"""Off-chain storage of encrypted data by content identifier (PROTOCOL §4)."""
