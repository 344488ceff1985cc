#!/usr/bin/env bash
# The newest Tryton in a virtual environment: tryton.sh FOLDER
#
# Leaves: FOLDER/venv, with trytond, trytond-admin and trytond-console. The tests make databases of their own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
/usr/bin/python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps --requirement "$here/tryton.requirements.txt"
