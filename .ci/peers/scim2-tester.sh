#!/usr/bin/env bash
# Python's scim2-tester, which asks a SCIM service provider everything that its schemas promise, in a virtual environment:
# scim2-tester.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
/usr/bin/python3 -m venv "$1/venv"
"$1/venv/bin/pip" install --quiet --no-deps --requirement "$here/scim2-tester.requirements.txt"
