#!/usr/bin/env bash
# Python's http-message-signatures, which signs and verifies by RFC 9421, in a virtual environment: http-message-signatures.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
/usr/bin/python3 -m venv "$1/venv"
"$1/venv/bin/pip" install --quiet --no-deps --requirement "$here/http-message-signatures.requirements.txt"
