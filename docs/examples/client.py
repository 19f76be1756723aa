#!/usr/bin/env python3
"""A small client of the lease API: Python's standard library, nothing else.

    python3 client.py http://127.0.0.1:7700 demo --requests 40 --reserve 15 --use 10

The token, where the server wants one, is in QUOTA_TOKEN. `Deployment` is the part to take over.
"""

import argparse
import http.client
import json
import os
import threading
import time
import urllib.error
import urllib.request
import uuid

# It goes on while the machine sleeps, as the server's time does.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    return time.clock_gettime(CLOCK)


class Denied(Exception):
    """The window has not enough left."""

    def __init__(self, retry_after_s: float):
        super().__init__(f"denied; come back in {retry_after_s:.3f} s")
        self.retry_after_s = retry_after_s


class Lease:
    """What this process may spend, until when, and what it has told of it so far."""

    def __init__(self, answer: dict, sent: float):
        self.id = answer["lease_id"]
        self.tokens, self.requests = answer["tokens"], answer["requests"]
        # Counted from before the request was sent, less 0.1 % for clocks that differ and 5 ms.
        self.ends = sent + answer["expires_in_ms"] * 0.999 / 1000 - 0.005
        # Running totals: they only grow, so a message that comes twice or late changes nothing.
        self.given = {"tokens": 0, "requests": 0}
        self.used = {"tokens": 0, "requests": 0}
        self.overrun = 0
        self.is_over = False


class Permit:
    """What was drawn for one request."""

    def __init__(self, deployment: "Deployment", lease: Lease, tokens: int):
        self.deployment, self.lease, self.tokens = deployment, lease, tokens

    def settle(self, used: int) -> None:
        """The real usage is known. Without it the whole permit stays charged."""
        self.deployment._settle(self.lease, self.tokens, used)


class Deployment:
    def __init__(self, url: str, deployment: str, holder: str, token: str | None = None):
        self.url, self.deployment, self.token = url.rstrip("/"), deployment, token
        # A name and an id made at the start: no two processes are one holder.
        self.holder = f"{holder}/{uuid.uuid4().hex[:12]}"
        self.lock = threading.Lock()  # also: one acquire at a time, however many requests wait
        self.lease: Lease | None = None
        self.denied_until = 0.0

    def draw(self, tokens: int, expected: int = 10, max_wait_s: float = 5.0) -> Permit:
        """Takes `tokens` and one request; asks the server only when the lease does not cover them.
        `expected`: how many requests like this one are to come within a second."""
        with self.lock:
            lease = self.lease
            if lease is None or now() >= lease.ends or lease.tokens < tokens or lease.requests < 1:
                lease = self._renew(tokens, expected, max_wait_s)
            lease.tokens -= tokens
            lease.requests -= 1
            return Permit(self, lease, tokens)

    def close(self) -> None:
        """Gives back what is left."""
        with self.lock:
            self._end_lease()

    def _renew(self, tokens: int, expected: int, max_wait_s: float) -> Lease:
        if (left := self.denied_until - now()) > 0:
            raise Denied(left)  # a denial is remembered: no message until it is over
        self._end_lease()
        body = {
            "deployment": self.deployment,
            "holder": self.holder,
            # One for each lease that is wanted. Every retry bears the same, so a lost answer
            # costs nothing: the server finds the lease again.
            "request_id": uuid.uuid4().hex,
            "tokens": {"min": tokens, "want": tokens * expected},
            "requests": {"min": 1, "want": expected},
        }
        status, answer, sent = self._call("/v1/leases", body, max_wait_s)
        if status == 429:
            wait_s = answer["retry_after_ms"] / 1000
            self.denied_until = now() + wait_s
            raise Denied(wait_s)
        if status != 201:
            raise RuntimeError(f"{answer['code']}: {answer['detail']}")
        lease = self.lease = Lease(answer, sent)
        if now() >= lease.ends:
            raise Denied(0.1)  # the answer was so long on its way; the next draw gives it back
        return lease

    def _settle(self, lease: Lease, drawn: int, used: int) -> None:
        with self.lock:
            rest = drawn - used
            if rest < 0:  # more than was drawn: out of the lease, and what it cannot cover is told
                taken = min(-rest, lease.tokens)
                lease.tokens -= taken
                lease.overrun += -rest - taken
                used = drawn + taken
            elif not lease.is_over:
                lease.tokens += rest
            else:
                lease.given["tokens"] += rest
            lease.used["tokens"] += used
            lease.used["requests"] += 1
            if lease.is_over:
                self._tell(lease)

    def _end_lease(self) -> None:
        """Takes the rest out of the lease, for good, and then gives it back."""
        if (lease := self.lease) is not None:
            self.lease = None
            lease.is_over = True
            lease.given["tokens"] += lease.tokens
            lease.given["requests"] += lease.requests
            lease.tokens = lease.requests = 0
            self._tell(lease)

    def _tell(self, lease: Lease) -> None:
        overrun = {"tokens": lease.overrun, "requests": 0}
        body = {
            "holder": self.holder,
            "give_back": [{"lease_id": lease.id, **lease.given, "closed": True}],
            "used": [{"lease_id": lease.id, **lease.used, "overrun": overrun}],
        }
        try:
            self._call("/v1/leases/batch", body, 1.0)
        except OSError:
            pass  # what the server does not hear of stays charged: safe

    def _call(self, path: str, body: dict, max_wait_s: float) -> tuple[int, dict, float]:
        """The same message until there is an answer: its status, itself, and when it was asked."""
        until = now() + max_wait_s
        while True:
            sent, wait_s = now(), 0.1
            try:
                status, answer = self._post(path, body)
                if status not in (307, 408, 500, 503):
                    return status, answer, sent
                wait_s = answer.get("retry_after_ms", 100) / 1000
                failure = OSError(f"{answer.get('code')}: {answer.get('detail')}")
            except (OSError, ValueError, http.client.HTTPException) as error:
                failure = OSError(f"{self.url}: {error}")
            if now() + wait_s > until:
                raise failure
            time.sleep(wait_s)

    def _post(self, path: str, body: dict) -> tuple[int, dict]:
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            with urllib.request.urlopen(request, timeout=2.0) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:  # a problem document
            with error:
                if error.code == 307:  # a standby: it names the active server
                    self.url = error.headers["location"].removesuffix(path)
                return error.code, json.load(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("deployment")
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--reserve", type=int, default=15, help="tokens drawn for each")
    parser.add_argument("--use", type=int, default=10, help="tokens that each really uses")
    parser.add_argument("--every-ms", type=int, default=0, help="time between two of them")
    options = parser.parse_args()
    deployment = Deployment(options.url, options.deployment, "example-py", os.environ.get("QUOTA_TOKEN"))
    passed, denied, soonest_s = 0, 0, 0.0
    for _ in range(options.requests):
        try:
            permit = deployment.draw(options.reserve)
        except Denied as denial:
            denied, soonest_s = denied + 1, denial.retry_after_s
            continue
        # Here the request goes to the provider, whose answer tells what it used.
        permit.settle(options.use)
        passed += 1
        time.sleep(options.every_ms / 1000)
    deployment.close()
    print(json.dumps({"passed": passed, "denied": denied, "retry_after_ms": round(soonest_s * 1000)}))


if __name__ == "__main__":
    main()
