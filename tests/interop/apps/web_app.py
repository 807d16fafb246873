# SPDX-License-Identifier: Apache-2.0
"""A web application as people write it, run by opentelemetry-instrument: a page for Prometheus, one
for probes, a route that does something and one that streams.

INTEROP_METRICS in the environment: "route", or "mounted" for a page that is an application of its
own. INTEROP_HEALTH_S: how long a probe takes, seconds; half of it in a span of its own.
"""

import asyncio
import os

import exports
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from opentelemetry import trace

METRICS = "# TYPE requests counter\nrequests_total 7\n"
PIECES = 3

app = FastAPI()
tracer = trace.get_tracer("shop")
exports.record(trace.get_tracer_provider())


def page():
    return Response(METRICS, media_type="text/plain; version=0.0.4")


async def metrics_application(scope, receive, send):
    """As the one that Prometheus' client makes."""
    await page()(scope, receive, send)


if os.environ["INTEROP_METRICS"] == "mounted":
    app.mount("/metrics", metrics_application)
else:
    app.get("/metrics")(page)


HEALTH_S = float(os.environ.get("INTEROP_HEALTH_S", 0))


@app.get("/health")
async def health():
    with tracer.start_as_current_span("check stores"):
        await asyncio.sleep(HEALTH_S / 2)
    await asyncio.sleep(HEALTH_S / 2)
    return {"status": "ok"}


@app.get("/items/{number}")
async def item(number: int):
    with tracer.start_as_current_span("look up", attributes={"number": number}):
        return {"number": number}


@app.post("/chat")
async def chat():
    async def pieces():
        for i in range(PIECES):
            await asyncio.sleep(0)
            yield f"data: {i}\n\n"

    return StreamingResponse(pieces(), media_type="text/event-stream")
