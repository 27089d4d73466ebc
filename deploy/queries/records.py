"""Which records are there? Stream, publisher, number, epoch, size of the sealed metadata, tags."""

from chain_reader import arguments, show

args, chain = arguments(__doc__, stream="only this stream")
filters = {"streamId": int(args.stream)} if args.stream else {}
streams = {log["args"]["streamId"]: log["args"]["summary"] for log in chain.events("RecordRegistry", "StreamCreated")}

rows = []
for log in chain.events("RecordRegistry", "RecordPublished", **filters):
    event = log["args"]
    record = event["recordId"]
    publisher = chain.w3.to_checksum_address((record >> 32 & ((1 << 160) - 1)).to_bytes(20, "big"))
    rows.append(
        (
            event["streamId"],
            streams.get(event["streamId"], ""),
            hex(record),
            publisher,
            record & 0xFFFFFFFF,
            event["epoch"],
            len(event["record"]["c3"]),
            event["record"]["tags"],
            chain.when(log),
        )
    )
columns = ("stream", "summary", "record", "publisher", "number", "epoch", "sealed bytes", "tags", "published (UTC)")
show(columns, rows, args.json)
