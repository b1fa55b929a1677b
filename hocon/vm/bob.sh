#!/bin/sh
# A neighbour of alice's: what it asks of her passes both guests' chains.
until page=$(tosec run -- curl -sS -m 10 http://10.78.0.11:8080/index.html 2>/dev/null); do sleep 1; done
echo "bob fetched: $page"
