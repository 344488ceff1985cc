#!/usr/bin/env bash
# Python's scim2-server, a SCIM service provider in memory, in a virtual environment: scim2-server.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
/usr/bin/python3 -m venv "$1/venv"
"$1/venv/bin/pip" install --quiet --no-deps --requirement "$here/scim2-server.requirements.txt"
