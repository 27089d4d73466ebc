"""A net on this machine: chain, deployment, proxies, keys."""
