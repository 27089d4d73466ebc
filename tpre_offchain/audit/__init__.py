"""What happened and whether it was right, from the chain alone: needs no key and never sees a secret."""
