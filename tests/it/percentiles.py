"""Judges a run's results without a line of dlt: HdrHistogram's own Python port reads the workers' reports and merges them.

    percentiles.py REGION BUCKET PREFIX   → {"<region>" | "total": {"succ", "fail", "throughput", "p50_0" … "p100_0"}} as JSON

Percentiles are what the format's definition says: the smallest recorded value that so many samples do not exceed, at the
upper edge of its bucket. Ranks are whole numbers, so nothing is rounded.
"""
import base64
import json
import os
import struct
import sys
import zlib

import botocore.session
from botocore.config import Config
from hdrh.histogram import HdrHistogram

# Name and thousandths.
PERCENTILES = [("p50_0", 500), ("p90_0", 900), ("p95_0", 950), ("p99_0", 990), ("p99_9", 999), ("p100_0", 1000)]
COMPRESSED_COOKIE = 0x1C849304
LOWEST, HIGHEST, DIGITS = 1, 3_600_000_000, 3


def decoded(text):
    """The port reads compressed payloads; ours are the same payload without compression, so it gets an envelope."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4))
    body = zlib.compress(raw)
    return HdrHistogram.decode(base64.b64encode(struct.pack(">ii", COMPRESSED_COOKIE, len(body)) + body))


def reports(region, bucket, prefix):
    config = Config(s3={"addressing_style": "path"})
    session = botocore.session.get_session()
    s3 = session.create_client("s3", region_name=region, endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=config)
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
        yield json.load(s3.get_object(Bucket=bucket, Key=item["Key"])["Body"])


def judged(some):
    merged, succeeded, failed = HdrHistogram(LOWEST, HIGHEST, DIGITS), 0, 0
    for report in some:
        for label in report["labels"].values():
            merged.add(decoded(label["latency"]))
            succeeded += label["succeeded"]
            failed += label["failed"]
    total = merged.get_total_count()
    answer = {"succ": succeeded, "fail": failed, "throughput": total}
    for name, thousandths in PERCENTILES:
        rank = max(1, -(-thousandths * total // 1000))
        for step in merged.get_recorded_iterator():
            if step.total_count_to_this_value >= rank:
                value = merged.get_highest_equivalent_value(step.value_iterated_to)
                answer[name] = f"{value / 1e6:.5f}"
                break
    return answer


def main(region, bucket, prefix):
    regions = {}
    for report in reports(region, bucket, prefix):
        regions.setdefault(report["region"], []).append(report)
    answer = {name: {**judged(some), "workers": len(some)} for name, some in regions.items()}
    every = [report for some in regions.values() for report in some]
    print(json.dumps({**answer, "total": {**judged(every), "workers": len(every)}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
