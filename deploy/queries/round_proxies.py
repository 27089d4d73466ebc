"""Which proxies served a round? All who submitted or contributed: was it used for the result, challenged, paid?"""

from chain_reader import account_of, arguments, round_id, round_name, show, slots

args, chain = arguments(__doc__, round="only this round, as grant/index")
filters = {"roundId": round_id(args.round)} if args.round else {}


def by_slot(event):
    return {
        (log["args"]["roundId"], log["args"]["slot"]): log for log in chain.events("ConversionRounds", event, **filters)
    }


opened = {log["args"]["roundId"]: log["args"] for log in chain.events("ConversionRounds", "RoundOpened", **filters)}
finalized = {
    log["args"]["roundId"]: log["args"] for log in chain.events("ConversionRounds", "RoundFinalized", **filters)
}
challenged = by_slot("CfragChallenged")
paid = {
    (log["args"]["roundId"], log["args"]["proxy"]): log["args"]["amount"]
    for log in chain.events("ConversionRounds", "FeeClaimed", **filters)
}

rows = []
for log in chain.events("ConversionRounds", "CfragsSubmitted", **filters):
    event = log["args"]
    number, slot = event["roundId"], event["slot"]
    used = number in finalized and slot in slots(finalized[number]["contributors"])
    receipt = chain.w3.eth.get_transaction_receipt(log["transactionHash"])
    rows.append(
        (
            round_name(number),
            len(opened[number]["recordIds"]),
            slot,
            event["proxy"],
            len(event["cfrags"]),
            "yes" if used else "no",
            "bad" if (number, slot) in challenged else "",
            paid.get((number, event["proxy"]), ""),
            receipt["gasUsed"],
            chain.when(log),
        )
    )
# finalized by signed votes: the contributors' cfrags are not on the chain
committees = {
    log["args"]["grantId"]: [account_of(member) for member in log["args"]["committee"]]
    for log in chain.events("GrantRegistry", "AccessGranted")
}
posted = {(row[0], row[2]) for row in rows}
for log in chain.events("ConversionRounds", "RoundFinalized", **filters):
    number = log["args"]["roundId"]
    for slot in slots(log["args"]["contributors"]):
        if (round_name(number), slot) not in posted:
            account = committees[number >> 32][slot - 1]
            fee, when = paid.get((number, account), ""), chain.when(log)
            rows.append(
                (round_name(number), len(opened[number]["recordIds"]), slot, account, "", "yes", "", fee, "", when)
            )
columns = (
    "round", "records", "slot", "proxy", "cfrags", "used", "challenged", "fee (wei)", "gas", "submitted (UTC)",
)  # fmt: skip
show(columns, rows, args.json)
