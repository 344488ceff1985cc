"""Signs and verifies with itsdangerous what it is asked to on standard input, a JSON document a line."""

import json
import sys
from datetime import datetime, timezone

import itsdangerous

BEGINNING = 1293840000


class Signer2011(itsdangerous.TimestampSigner):
    """The signer of the releases before 1.0, which count from 2011."""

    def get_timestamp(self):
        return super().get_timestamp() - BEGINNING

    def timestamp_to_datetime(self, timestamp):
        return datetime.fromtimestamp(timestamp + BEGINNING, tz=timezone.utc)


def serializer(request):
    kinds = {
        "body": itsdangerous.TimedSerializer,
        "url": itsdangerous.URLSafeTimedSerializer,
    }
    signer = Signer2011 if request["epoch"] == "2011" else itsdangerous.TimestampSigner
    return kinds[request["kind"]](request["secret"], signer=signer)


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
