"""What owners, users and devices do with the system, as a Python API.

    from tpre_offchain.clients import Device, Owner, Session, User

    with Session.connect(rpc, deployment, store, keys) as session:
        owner = Owner(session)
        stream = owner.create_stream("machine-7/temperature", summary="bearing, 1 Hz", minimum=(2, 3))
        record = owner.publish(stream, "readings.csv", tags={"unit": "F"})

Names are imported when first used: the keystore alone must not load the chain's libraries.
"""
