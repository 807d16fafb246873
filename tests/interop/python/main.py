# SPDX-License-Identifier: Apache-2.0
"""Runs all interoperability cases and prints what became of every span.

    main.py SLUICE CONFIGS WORK APPLICATIONS LIBRARIES GO_SENDER NODE_SENDER COLLECTOR JAEGER
            JAEGERDIFF

SLUICE: the program; CONFIGS: the folder of its configurations; WORK: a folder for records and logs;
APPLICATIONS: the Python environment of ../apps; LIBRARIES: LIST=FOLDER of each list of ../libraries,
separated by blanks; GO_SENDER: the built ../go; NODE_SENDER: sender.js
of ../node with its packages; COLLECTOR, JAEGER: what ../peers/build makes; JAEGERDIFF: the built
../jaeger. The last line is `N passed, N failed`, each row of the table counts.
INTEROP_PARTS in the environment: names of modules, to run these parts alone.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import answers
import backends
import codings
import jaeger
import langfuse_sdk
import libraries
import lifecycle
import limits
import matrix
import network
import policy
import scraping
import selfcheck
import telemetry
import terminal
import transport
import validation
from case import Setting

SIDE_BY_SIDE = 3  # some mostly wait

COLUMNS = [("case", "<"), ("SDK", "<"), ("version", "<"), ("protocol", "<"), ("coding", "<"),
           ("sent", ">"), ("arrived", ">"), ("filtered", ">"), ("failed", ">"),
           ("equal attributes", ">"), ("", "<")]


def make_certificate(folder):
    """A certificate for the loopback address, valid for two days, that is its own authority."""
    certificate, key = (os.path.join(folder, name) for name in ("certificate.pem", "key.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=interop", "-addext",
         "subjectAltName=IP:127.0.0.1,DNS:localhost", "-out", certificate, "-keyout", key],
        check=True, capture_output=True)
    return certificate, key


def print_table(rows):
    lines = [[title for title, _ in COLUMNS]]
    for row in rows:
        lines.append([row.case, row.sdk, row.version, row.protocol, row.coding, str(row.sent),
                      str(row.arrived), str(row.filtered), str(row.failed),
                      str(row.equal_attributes),
                      "FAIL" if row.problems else "ok"])
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(f"{cell:{align}{width}}" for cell, width, (_, align)
                        in zip(line, widths, COLUMNS)).rstrip())


def main():
    sluice, configs, work, applications, lists, go_sender, node_sender, *peers = sys.argv[1:]
    here = os.path.dirname(os.path.abspath(__file__))
    senders = {"Python": [sys.executable, os.path.join(here, "sender.py")], "Go": [go_sender],
               "Node.js": ["node", node_sender]}
    setting = Setting(sluice, configs, work, senders, applications,
                      dict(one.split("=", 1) for one in lists.split()), make_certificate(work),
                      dict(zip(("collector", "jaeger", "jaegerdiff"), peers, strict=True)))
    # The long ones, which mostly wait, first.
    parts = [validation, lifecycle, backends, jaeger, codings, scraping, answers, telemetry, policy,
             langfuse_sdk, limits, transport, network, terminal, matrix, selfcheck,
             libraries]
    if only := os.environ.get("INTEROP_PARTS"):
        parts = [part for part in parts if part.__name__ in only.split()]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        running = [pool.submit(case, setting) for part in parts for case in part.cases(senders)]
        rows = [row for future in running for row in future.result()]
    print_table(rows)
    failed = [row for row in rows if row.problems]
    for row in failed:
        print(f"\nFAIL  {row.case}, {row.sdk}, {row.protocol}, {row.coding}")
        for problem in row.problems:
            print(f"      {problem}")
    print(f"{len(rows) - len(failed)} passed, {len(failed)} failed")
    sys.exit(1 if failed or not rows else 0)


if __name__ == "__main__":
    main()
