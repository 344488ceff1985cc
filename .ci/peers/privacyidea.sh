#!/usr/bin/env bash
# privacyIDEA in a virtual environment, and an empty instance of it to copy, since its tables take a minute: privacyidea.sh FOLDER
#
# Leaves: FOLDER/venv; FOLDER/instance with the database pi.db (sqlite), the keys enckey, private.pem and public.pem, and the
# administrator admin with the password adminpw. All secrets are of this installation only.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
/usr/bin/python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-deps --only-binary :all: --requirement "$here/privacyidea.requirements.txt"
mkdir "$folder/instance"
cd "$folder/instance"
cat >pi.cfg <<CFG
SUPERUSER_REALM = ['super']
SQLALCHEMY_DATABASE_URI = 'sqlite:///$folder/instance/pi.db'
SECRET_KEY = 'for the tables only'
PI_PEPPER = 'of the instances of the tests'
PI_ENCFILE = '$folder/instance/enckey'
PI_AUDIT_KEY_PRIVATE = '$folder/instance/private.pem'
PI_AUDIT_KEY_PUBLIC = '$folder/instance/public.pem'
PI_LOGFILE = '$folder/instance/pi.log'
PI_LOGLEVEL = 30
CFG
export PRIVACYIDEA_CONFIGFILE=$folder/instance/pi.cfg
manage() { "$folder/venv/bin/pi-manage" "$@" >>"$folder/install.log" 2>&1 || { cat "$folder/install.log" >&2; exit 1; }; }
manage setup create_enckey
manage setup create_audit_keys
manage setup create_tables
manage admin add admin -p adminpw -e admin@example.com
rm -f pi.cfg pi.log
