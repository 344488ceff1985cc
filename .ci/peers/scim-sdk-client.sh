#!/usr/bin/env bash
# SCIM-SDK's client with a program around it that does what applications do with one: scim-sdk-client.sh FOLDER
#
# It needs a JDK 17, and Maven, which fetches it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mvn --quiet --batch-mode --file "$here/scim-sdk-client.pom.xml" \
  org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DoutputDirectory="$1/lib"
cp "$here/scim-sdk-client.java" "$1/ScimSdkClient.java"
javac -cp "$1/lib/*" -d "$1/classes" "$1/ScimSdkClient.java"
