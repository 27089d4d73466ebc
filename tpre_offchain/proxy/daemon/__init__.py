"""The running proxy: following the chain, serving rounds, health and figures."""
