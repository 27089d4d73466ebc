"""What the query scripts share: arguments, contracts from the addresses file, logs in order, a plain table."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from web3 import Web3

HERE = Path(__file__).resolve().parent
ABI_FOLDER = HERE.parents[1] / "tpre_offchain" / "chain" / "abi"
LOG_RANGE = 10_000


class Reader:
    """The contracts of one addresses file over one node."""

    def __init__(self, rpc, addresses, abi_folder):
        self.w3 = Web3(Web3.HTTPProvider(rpc))
        self.deployment = json.loads(Path(addresses).read_text(encoding="utf-8"))
        if self.w3.eth.chain_id != self.deployment["chainId"]:
            sys.exit(f"the node is on chain {self.w3.eth.chain_id}, the file on {self.deployment['chainId']}")
        self.abi_folder = Path(abi_folder)

    def contract(self, name):
        abi = json.loads((self.abi_folder / f"{name}.json").read_text(encoding="utf-8"))["abi"]
        return self.w3.eth.contract(address=self.deployment["contracts"][name], abi=abi)

    def events(self, contract, event, **filters):
        """All logs of an event since the deployment, in the order of the chain."""
        source = self.contract(contract).events[event]
        first, last = self.deployment["deployBlock"], self.w3.eth.block_number
        found = []
        while first <= last:
            end = min(last, first + LOG_RANGE - 1)
            found += source.get_logs(from_block=first, to_block=end, argument_filters=filters or None)
            first = end + 1
        return found

    def when(self, log):
        seconds = self.w3.eth.get_block(log["blockNumber"])["timestamp"]
        return date(seconds)


def date(seconds):
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def arguments(description, **extra):
    """--rpc, --addresses, --abi, --json, and what the script adds: name -> help."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rpc", required=True, help="HTTP RPC URL of a node")
    parser.add_argument("--addresses", required=True, help="deploy/addresses/<chainId>.json")
    parser.add_argument("--abi", default=str(ABI_FOLDER), help="folder of the contracts' ABIs")
    parser.add_argument("--json", action="store_true", help="print JSON lines instead of a table")
    for name, text in extra.items():
        parser.add_argument(f"--{name}", help=text)
    chosen = parser.parse_args()
    return chosen, Reader(chosen.rpc, chosen.addresses, chosen.abi)


def round_id(text):
    """'3/0' -> the number that the contract uses."""
    grant, _, index = text.partition("/")
    return (int(grant) << 32) | int(index or 0)


def round_name(number):
    return f"{number >> 32}/{number & 0xFFFFFFFF}"


def account_of(member):
    """The account in a committee member's word: keyVersion (16 bits), account (160 bits)."""
    return Web3.to_checksum_address((member & ((1 << 160) - 1)).to_bytes(20, "big"))


def slots(bitmap):
    """The slots of a bitmap: bit i-1 is slot i."""
    return [bit + 1 for bit in range(bitmap.bit_length()) if bitmap >> bit & 1]


def show(columns, rows, as_json):
    """A table with the columns' names on top, or one JSON object a row."""
    if as_json:
        for row in rows:
            print(json.dumps(dict(zip(columns, row, strict=True))))
        return
    cells = [list(columns), *[[str(value) for value in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for number, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
    if not rows:
        print("(none)")
