#!/bin/sh
set -e
test "$(sh app.sh)" = hello
echo "1 test passed"
