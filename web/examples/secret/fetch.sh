#!/bin/sh
# Stands for a download that needs the token.
. ./.env
echo "fetched with a token of ${#API_TOKEN} characters" > data.txt
