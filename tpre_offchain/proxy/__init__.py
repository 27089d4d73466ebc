"""The proxy: follows the chain and takes the next useful step in every round whose committee it sits on."""
