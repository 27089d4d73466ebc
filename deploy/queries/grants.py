"""Who was granted what, by whom, until when, for how many conversions, through which committee?"""

from chain_reader import account_of, arguments, date, show

args, chain = arguments(__doc__, grant="only this grant")
filters = {"grantId": int(args.grant)} if args.grant else {}


def grants_of(event):
    return {log["args"]["grantId"]: log for log in chain.events("GrantRegistry", event, **filters)}


requested, revoked = grants_of("AccessRequested"), grants_of("GrantRevoked")
voided = {
    log["args"]["grantId"]: log["args"]["slot"]
    for log in chain.events("GrantRegistry", "FragmentComplaint", **filters)
    if log["args"]["upheld"]
}
epochs = {}
for log in chain.events("GrantRegistry", "RekeyPosted", **filters):
    epochs.setdefault(log["args"]["grantId"], []).append(log["args"]["rekey"]["epoch"])
now = chain.w3.eth.get_block("latest")["timestamp"]

rows = []
for log in chain.events("GrantRegistry", "AccessGranted", **filters):
    event = log["args"]
    number = event["grantId"]
    if number in voided:
        state = f"void: slot {voided[number]}'s fragment was bad"
    elif number in revoked:
        state = f"revoked {chain.when(revoked[number])}"
    else:
        state = "expired" if event["expiry"] <= now else "live"
    rows.append(
        (
            number,
            requested[number]["args"]["streamId"],
            ",".join(map(str, sorted(epochs.get(number, [])))),
            event["delegator"],
            event["delegatee"],
            date(event["expiry"]),
            event["quota"],
            " ".join(account_of(member)[:10] for member in event["committee"]),
            state,
            chain.when(log),
        )
    )
columns = (
    "grant", "stream", "epochs", "owner", "user", "expires (UTC)", "quota", "committee (slots 1..n)",
    "state", "granted (UTC)",
)  # fmt: skip
show(columns, rows, args.json)
