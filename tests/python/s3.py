"""S3's load: batches of concurrent chat requests through OpenAI's own client.

Every request goes to one of the gateways at random. One line of JSON a batch: how many succeeded, by
deployment, how many were denied with a usable Retry-After, and what else came back.
"""

import argparse
import asyncio
import collections
import json
import random
import sys
import time

import openai


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", action="append", required=True, help="URL, once for each")
    parser.add_argument("--model", required=True)
    parser.add_argument("--key", default="any")
    parser.add_argument("--any-code", action="store_true", help="LiteLLM's proxy writes the status for the code of an error")
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--concurrency", type=int, default=600)
    parser.add_argument("--every-s", type=float, default=10.0)
    parser.add_argument("--first-at-unix-ms", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


async def ask(client: openai.AsyncOpenAI, model: str, index: int, any_code: bool) -> str:
    """What became of one request: a deployment's id, `denied`, or the name of what went wrong."""
    try:
        answer = await client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": f"This is a test: {index}"}],
            max_tokens=8,
        )
        completion = answer.parse()
        if not completion.choices or completion.usage is None:
            return "malformed answer"
        return answer.headers.get("x-tokenlease-deployment", "no deployment named")
    except openai.RateLimitError as error:
        return "denied" if is_polite(error, any_code) else "denied without Retry-After"
    except openai.OpenAIError as error:
        return type(error).__name__


def is_polite(error: openai.RateLimitError, any_code: bool) -> bool:
    headers = error.response.headers
    seconds = headers.get("retry-after", "")
    return seconds.isdigit() and int(seconds) <= 60 and (any_code or error.code == "rate_limit_exceeded")


async def main() -> None:
    options = arguments()
    chance = random.Random(options.seed)
    clients = [
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=options.key, max_retries=0, timeout=60.0)
        for url in options.gateway
    ]
    for batch in range(options.batches):
        start_s = options.first_at_unix_ms / 1000 + batch * options.every_s
        await asyncio.sleep(max(0.0, start_s - time.time()))
        calls = [
            ask(chance.choice(clients), options.model, i, options.any_code) for i in range(options.concurrency)
        ]
        outcomes = collections.Counter(await asyncio.gather(*calls))
        json.dump({"batch": batch, "outcomes": outcomes}, sys.stdout)
        print(flush=True)


asyncio.run(main())
