#!/bin/sh
# A guest without a network card: its programs reach the world, and the world them, through TOSEC alone.
mkdir -p /tmp/www
echo 'served by a program in the VM alice' >/tmp/www/index.html
tosec run -- python3 -u -m http.server --protocol HTTP/1.1 --directory /tmp/www --bind 10.78.0.11 8080 &

# A page of a server outside, once it and the path to it are there.
until page=$(tosec run -- curl -sS -m 10 http://10.78.0.1:8080/index.html 2>/dev/null); do sleep 1; done
echo "alice fetched: $page"
