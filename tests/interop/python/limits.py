# SPDX-License-Identifier: Apache-2.0
"""A request above the receiver's limit is refused as the SDKs expect it, alone: what is sent before
and after it arrives."""

from case import PROTOCOLS, transport
from compare import span
from route import through_one_backend

# Transport -> bytes of one attribute: above 4 MiB of a gRPC message, above 20 MiB of an HTTP body.
OVERSIZE = {"grpc": 5_000_000, "http": 22_000_000}
# What the SDKs' error messages contain.
REFUSALS = {"grpc": ["RESOURCE_EXHAUSTED", "ResourceExhausted"], "http": ["413"]}
# The Python SDK repeats RESOURCE_EXHAUSTED for as long as this.
TIMEOUT_S = 2


def refused(route, rows, sdk, protocol, coding):
    sender = route.send(sdk, protocol, coding, "--spans", 100, "--timeout", TIMEOUT_S,
                        "--oversize", OVERSIZE[transport(protocol)])
    sent = sender.wait()
    if [span(alone).name for alone in sent.failed] != ["oversize"]:
        sender.problems.append(f"{len(sent.failed)} spans were refused, not the large one alone")
    route.check(sender, sent, rows, protocol, REFUSALS[transport(protocol)], refusals=1)


def cases(sdks):
    for sdk in sdks:
        for protocol in PROTOCOLS[sdk]:
            for coding in ("none", "gzip"):
                args = (sdk, protocol, coding)
                yield lambda setting, args=args: through_one_backend(
                    setting, "message above the limit", *args,
                    lambda route, rows: refused(route, rows, *args))
