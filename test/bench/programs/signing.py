"""Signs and verifies with itsdangerous, and prints how often a second of CPU time, as JSON."""

import json
import sys
import time

from itsdangerous import TimedSerializer

SECONDS = 0.3


def rate(work):
    work(1000)
    done = 0
    start = time.process_time()
    while time.process_time() - start < SECONDS:
        work(1000)
        done += 1000
    return done / (time.process_time() - start)


serializer = TimedSerializer("s" * 64)
value = {"redirect_to": "https://client.example/client/authenticate/?next=%2Fhello%2Fworld"}
signed = serializer.dumps(value)


def sign(count):
    for _ in range(count):
        serializer.dumps(value)


def verify(count):
    for _ in range(count):
        serializer.loads(signed, max_age=86400)


rounds = int(sys.argv[1])
print(
    json.dumps(
        {
            "python sign": [rate(sign) for _ in range(rounds)],
            "python verify": [rate(verify) for _ in range(rounds)],
        }
    )
)
