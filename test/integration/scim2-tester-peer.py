"""Runs scim2-tester against a SCIM service provider, and prints what it has found: scim2-tester-peer.py URL TOKEN"""

import json
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

url, token = sys.argv[1:]
with Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
    results = check_server(SyncSCIMClient(http))
print(
    json.dumps(
        [
            {
                "title": result.title,
                "isRight": result.status == Status.SUCCESS,
                "status": result.status.name,
                "reason": str(result.reason or ""),
            }
            for result in results
        ]
    )
)
