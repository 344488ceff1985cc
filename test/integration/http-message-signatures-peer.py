"""Signs and verifies with http-message-signatures what it is asked to on standard input, a JSON document a line.

A message has `method`, `url` and `headers`; an answer has `status`, `headers` and the `request` that it answers.
"""

import json
import sys
from datetime import datetime, timezone
from types import SimpleNamespace

from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    MappingKeyResolver,
    algorithms,
)


def message_of(told):
    message = SimpleNamespace(headers=dict(told["headers"]))
    if "status" in told:
        message.status_code = told["status"]
        message.request = message_of(told["request"])
    else:
        message.method = told["method"]
        message.url = told["url"]
    return message


for line in sys.stdin:
    asked = json.loads(line)
    secrets = {"consumer": asked["secret"].encode()}
    options = {
        "signature_algorithm": algorithms.HMAC_SHA256,
        "key_resolver": MappingKeyResolver(public_keys=secrets, private_keys=secrets),
    }
    message = message_of(asked["message"])
    content = asked["content"].encode()
    if asked["do"] == "sign":
        expires = datetime.fromtimestamp(asked["expires"], tz=timezone.utc)
        HTTPMessageSigner(**options).sign(
            message,
            key_id="consumer",
            expires=expires,
            nonce=asked["nonce"],
            tag="concordat",
            covered_component_ids=asked["covered"],
            body=content,
        )
        answer = message.headers
    else:
        try:
            HTTPMessageVerifier(**options).verify(
                message, expect_tag="concordat", require_components=asked["covered"], body=content
            )
            answer = True
        except HTTPMessageSignaturesException as error:
            answer = type(error).__name__
    print(json.dumps(answer), flush=True)
