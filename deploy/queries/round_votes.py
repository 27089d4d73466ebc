"""Who led a round, how did each committee member vote, and how did it end?"""

from chain_reader import account_of, arguments, round_id, round_name, show

args, chain = arguments(__doc__, round="only this round, as grant/index")
filters = {"roundId": round_id(args.round)} if args.round else {}

committees = {
    log["args"]["grantId"]: [account_of(member) for member in log["args"]["committee"]]
    for log in chain.events("GrantRegistry", "AccessGranted")
}
finalized = {log["args"]["roundId"]: log for log in chain.events("ConversionRounds", "RoundFinalized", **filters)}
closed = {log["args"]["roundId"] for log in chain.events("ConversionRounds", "RoundClosed", **filters)}
votes = {}  # (round, result) -> account -> vote
for log in chain.events("ConversionRounds", "VoteCast", **filters):
    event = log["args"]
    votes.setdefault((event["roundId"], event["resultHash"]), {})[event["proxy"]] = event["approve"]

rows = []
for log in chain.events("ConversionRounds", "LeaderProposed", **filters):
    event = log["args"]
    number, result = event["roundId"], event["resultHash"]
    end = finalized.get(number)
    if end is not None and end["args"]["resultHash"] == result and end["args"]["leader"] == event["leader"]:
        outcome = "finalized by proof" if end["args"]["byProof"] else "finalized by vote"
    else:
        outcome = "closed" if number in closed else "not finalized"
    cast = votes.get((number, result), {})
    for slot, member in enumerate(committees[number >> 32], start=1):
        if member == event["leader"]:
            vote = "leader (counts as for)"
        elif outcome.startswith("finalized") and not cast and end["args"]["approvals"] >> (slot - 1) & 1:
            vote = "for (signed)"
        elif member in cast:
            vote = "for" if cast[member] else "against"
        else:
            vote = "-"
        rows.append((round_name(number), "0x" + result.hex()[:12], slot, member, vote, outcome, chain.when(log)))
columns = ("round", "result", "slot", "proxy", "vote", "outcome", "proposed (UTC)")
show(columns, rows, args.json)
