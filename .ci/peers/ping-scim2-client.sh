#!/usr/bin/env bash
# UnboundID's scim2-sdk-client, of Ping Identity, with a program around it that does what applications do with one: ping-scim2-client.sh FOLDER
#
# It needs a JDK 17, and Maven, which fetches it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mvn --quiet --batch-mode --file "$here/ping-scim2-client.pom.xml" \
  org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DoutputDirectory="$1/lib"
cp "$here/ping-scim2-client.java" "$1/PingScim2Client.java"
javac -cp "$1/lib/*" -d "$1/classes" "$1/PingScim2Client.java"
