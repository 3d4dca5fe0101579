"""Puts the requests of one account into Kafka: produce.py BROKERS TOPIC ACCOUNT FILE, one JSON request a line."""

import sys

from confluent_kafka import KafkaException, Producer


def main(brokers, topic, account, file):
    producer = Producer({
        "bootstrap.servers": brokers,
        # As Java has it: this client's own default would put accounts into other partitions.
        "partitioner": "murmur2_random",
        "enable.idempotence": True,
    })
    failed = []

    def delivered(error, _message):
        if error is not None:
            failed.append(error)

    with open(file, "rb") as requests:
        for line in requests:
            request = line.rstrip(b"\n")
            while True:
                try:
                    producer.produce(topic, key=account, value=request, on_delivery=delivered)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
    left = producer.flush(30)
    if left or failed:
        sys.exit(f"produce.py: {left} requests without an answer, {len(failed)} failed: {failed[:1]}")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except KafkaException as error:
        sys.exit(f"produce.py: {error}")
