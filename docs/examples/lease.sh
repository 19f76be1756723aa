#!/usr/bin/env bash
# One lease by hand: take it, spend of it, give the rest back. Needs bash, curl and jq.
#
#   QUOTA_URL=http://127.0.0.1:7700 ./lease.sh demo
set -euo pipefail

url=${QUOTA_URL:-http://127.0.0.1:7700}
deployment=${1:?which deployment?}
holder="example-sh/$$-$(date +%s%N)" # a name, and an id made at the start
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# The status is printed, the body is in $answer. A lost answer is asked for again, with the very same
# body: the same request_id gets the same lease, the same totals change nothing.
call() {
    local path=$1 body=$2 status
    for pause in 0.1 0.5 1 2 last; do
        status=$(curl --silent --max-time 2 --output "$answer" --write-out '%{http_code}' \
            --header 'content-type: application/json' \
            ${QUOTA_TOKEN:+--header "authorization: Bearer $QUOTA_TOKEN"} \
            --data "$body" "$url$path") || status=000
        case $status in
            000 | 408 | 500 | 503) [ "$pause" = last ] || sleep "$pause" ;;
            *) break ;;
        esac
    done
    echo "$status"
}

field() { jq --raw-output ".$1" "$answer"; }

ms() { echo $(($(date +%s%N) / 1000000)); }

asked=$(ms) # before the request is sent: the lease's end counts from here
status=$(call /v1/leases "{
    \"deployment\": \"$deployment\", \"holder\": \"$holder\", \"request_id\": \"first\",
    \"tokens\": {\"min\": 15, \"want\": 100}, \"requests\": {\"min\": 1, \"want\": 5}}")
case $status in
    201) ;;
    429) echo "denied: come back in $(field retry_after_ms) ms" && exit ;;
    *) echo "status $status: $(cat "$answer")" >&2 && exit 1 ;;
esac
lease_id=$(field lease_id) tokens=$(field tokens) requests=$(field requests)
ends=$((asked + $(field expires_in_ms) * 999 / 1000 - 5))

# One request of 15 tokens, if the lease covers it and has not ended.
if [ "$(ms)" -lt $ends ]; then
    tokens=$((tokens - 15)) requests=$((requests - 1))
    echo "sent one request; $tokens tokens and $requests requests are left"
fi

# What is left was taken out above and is not drawn from any more. The totals are of this lease, so far.
status=$(call "/v1/leases/$lease_id/return" "{\"tokens\": $tokens, \"requests\": $requests, \"closed\": true}")
echo "gave back $tokens tokens and $requests requests: $status"
