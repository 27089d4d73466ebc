"""Pure cryptography: randomness is passed in; no clock, no network, no files, no logging."""
