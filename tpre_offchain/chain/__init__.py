"""The chain as the rest of the system sees it: typed contracts, events, errors and one outbox for transactions.

Speaks bytes, integers and ids only: a point is its 128 (G1) or 256 (G2) EIP-2537 bytes, a proof two integers. Nothing
here knows a secret but the outbox, which holds the account that signs transactions.

    connection = await Connection.open(["http://127.0.0.1:8545"], expected_chain_id=31337)
    contracts = Contracts.of(connection, deployment)
    outbox = await Outbox.open(connection, account, ":memory:")
    receipt = await outbox.send(contracts.grants.revoke(grant_id))
"""
