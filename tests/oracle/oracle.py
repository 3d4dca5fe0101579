#!/usr/bin/env python3
"""Recomputes the settled net of every month in a directory and compares it with the product's exports.

    oracle.py DIRECTORY [--data rate-card/data] [--limit 20]

The directory holds what the driver writes: webhooks.ndjson, registry.json, attempts.ndjson, credits.ndjson, foreign.ndjson (the
hashes of what other software sent), and the product's detail-YYYY-MM.csv (with recipients) and summary-YYYY-MM.csv. Writes oracle.csv and product.csv of one form beside
them. Exit code 1 on any difference.
"""

import argparse
import decimal
import json
import os
import sys

import compare
import credits
from datafiles import Cards, Places, Rules
from settle import Settled
from words import Words


def main():
    decimal.getcontext().prec = 60
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("directory")
    here = os.path.dirname(os.path.abspath(__file__))
    args.add_argument("--data", default=os.path.join(here, "..", "..", "rate-card", "data"))
    args.add_argument("--limit", type=int, default=20, help="differences that are shown")
    args = args.parse_args()

    at = lambda name: os.path.join(args.directory, name)  # noqa: E731
    words = Words()
    with open(at("webhooks.ndjson"), encoding="utf-8") as file:
        words.read(file)
    with open(at("attempts.ndjson"), encoding="utf-8") as file:
        attempts = {a["wamid"]: a for a in map(json.loads, file)}
    with open(at("registry.json"), encoding="utf-8") as file:
        accounts = json.load(file)

    entries = list(compare.details(args.directory))
    # What is counted and not booked is in no export, nor is what a conversation covers.
    with open(at("foreign.ndjson"), encoding="utf-8") as file:
        hash_of = {f["wamid"]: f["wamid_hash"] for f in map(json.loads, file)}
    hash_of.update((a["wamid"], a["wamid_hash"]) for a in attempts.values())
    data = args.data
    settled = Settled(words, accounts, attempts, Rules(data), Places(data), Cards(data), hash_of)
    charges = settled.charges()

    ours_each = [(c.message.wamid, *compare.of_charge(c)) for c in charges]
    ours_each += [("", *compare.of_credit(credit)) for credit in credits.read(at("credits.ndjson"), accounts)]
    theirs_each = [(row["wamid"], *compare.of_entry(row)) for row in entries]
    ours = compare.net((key, sums) for _, key, sums in ours_each)
    theirs = compare.net((key, sums) for _, key, sums in theirs_each)
    compare.write(at("oracle.csv"), ours)
    compare.write(at("product.csv"), theirs)
    # What is compared is what was written.
    ours, theirs = compare.read(at("oracle.csv")), compare.read(at("product.csv"))
    different = compare.differences(ours, theirs)
    for key in different[: args.limit]:
        show(key, ours.get(key), theirs.get(key), ours_each, theirs_each)
    faults = compare.summary_faults(args.directory)
    for fault in faults[: args.limit]:
        print(f"summary {fault[0]}: {'|'.join(fault[1])}\n  by the detail {fault[2]}\n  in the file   {fault[3]}")
    total = len(words.messages)
    print(
        f"{total} messages, {len(charges)} charges, {len(ours)} rows: {len(different)} differ; "
        f"{len(faults)} rows of summaries differ from the detail"
    )
    return 1 if different or faults else 0


def show(key, ours, theirs, ours_each, theirs_each):
    """One difference with the messages behind it."""
    print("|".join(f"{name}={value}" for name, value in zip(compare.KEY, key, strict=True) if value))
    for who, sums in (("oracle ", ours), ("product", theirs)):
        values = sums and " ".join(f"{name}={value}" for name, value in zip(compare.SUMS, sums, strict=True))
        print(f"  {who} {values or 'no such row'}")
    mine = compare.net(((wamid,), sums) for wamid, k, sums in ours_each if k == key)
    other = compare.net(((wamid,), sums) for wamid, k, sums in theirs_each if k == key)
    behind = compare.differences(mine, other)
    for (wamid,) in behind[:5]:
        print(f"    {wamid}")
        for who, each in (("oracle ", ours_each), ("product", theirs_each)):
            for k, sums in ((k, sums) for w, k, sums in each if w == wamid):
                apart = [f"{n}={v}" for n, v, x in zip(compare.KEY, k, key, strict=True) if v != x]
                print(f"      {who} quantity={sums[0]} cost={sums[1]} price={sums[4]} {' '.join(apart)}")


if __name__ == "__main__":
    sys.exit(main())
