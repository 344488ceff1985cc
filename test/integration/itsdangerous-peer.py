"""Signs and verifies with itsdangerous what it is asked to on standard input, a JSON document a line."""

import json
import sys
import time
from datetime import datetime, timezone

import itsdangerous

BEGINNINGS = {"2011": 1293840000, "unix": 0}
# The releases before 1.0 count from 2011, and have a name for it that the later ones have not.
own_epoch = "2011" if hasattr(itsdangerous, "EPOCH") else "unix"


def signer(beginning):
    """The signer of the releases that count from another beginning."""

    class OtherSigner(itsdangerous.TimestampSigner):
        def get_timestamp(self):
            return int(time.time()) - beginning

        def timestamp_to_datetime(self, timestamp):
            return datetime.fromtimestamp(timestamp + beginning, tz=timezone.utc)

    return OtherSigner


def serializer(request):
    kinds = {
        "body": itsdangerous.TimedSerializer,
        "url": itsdangerous.URLSafeTimedSerializer,
    }
    kind, epoch = kinds[request["kind"]], request["epoch"]
    if epoch == own_epoch:
        return kind(request["secret"])
    return kind(request["secret"], signer=signer(BEGINNINGS[epoch]))


for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "sign":
        signed = serializer(request).dumps(request["payload"])
        answer = signed if isinstance(signed, str) else signed.decode()
    else:
        try:
            answer = [serializer(request).loads(request["signed"], max_age=5)]
        except itsdangerous.BadData as error:
            answer = type(error).__name__
    print(json.dumps(answer), flush=True)
