"""Who asked for access, to what, why, and where does the request stand?"""

from chain_reader import arguments, show

STATUS = ("none", "requested", "granted", "denied", "withdrawn", "revoked", "voided")

args, chain = arguments(__doc__, stream="only this stream")
filters = {"streamId": int(args.stream)} if args.stream else {}
grants = chain.contract("GrantRegistry")
names = [part["name"] for part in grants.get_function_by_name("accessOf").abi["outputs"][0]["components"]]

rows = []
for log in chain.events("GrantRegistry", "AccessRequested", **filters):
    event, request = log["args"], log["args"]["request"]
    access = grants.functions.accessOf(event["grantId"]).call()
    status = access["status"] if hasattr(access, "keys") else access[names.index("status")]
    rows.append(
        (
            event["grantId"],
            event["streamId"],
            f"{request['epochFrom']}-{request['epochTo']}",
            event["delegatee"],
            f"{request['threshold']} of {request['committeeSize']}",
            "owner's offer" if event["offered"] else "request",
            request["purpose"],
            event["price"],
            event["deposit"],
            STATUS[status],
            chain.when(log),
        )
    )
columns = (
    "id", "stream", "epochs", "user", "threshold", "kind", "purpose", "price (wei)", "deposit (wei)",
    "status", "asked (UTC)",
)  # fmt: skip
show(columns, rows, args.json)
