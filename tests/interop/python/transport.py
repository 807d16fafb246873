# SPDX-License-Identifier: Apache-2.0
"""TLS at both ends, HTTP/1.1 and HTTP/2, and each protocol on the other's port."""

from case import transport
from route import through_one_backend

SECURE = [("Python", "grpc", "gzip", []), ("Python", "http", "none", []),
          ("Go", "grpc", "none", []), ("Go", "http", "gzip", []),
          ("Go", "http", "none", ["--http-version", 1]),
          ("Go", "http", "gzip", ["--http-version", 2]),
          ("Node.js", "grpc", "gzip", []), ("Node.js", "http-json", "gzip", [])]
PLAIN = [("Go", "http", "gzip", ["--http-version", 1]),
         ("Go", "http", "none", ["--http-version", 2])]
CROSSED = [("Python", "grpc", "gzip"), ("Python", "http", "none"), ("Go", "grpc", "none"),
           ("Go", "http", "gzip"), ("Node.js", "grpc", "none"),
           ("Node.js", "http-json", "gzip")]
OTHER = {"grpc": "http", "http": "grpc"}


def title(text, options):
    return text + (f", HTTP/{options[1]}" if options else "")


def sent_with(route, rows, sdk, protocol, coding, options, port=None):
    sender = route.send(sdk, protocol, coding, "--spans", 300, "--scrapes", 20, *options, port=port)
    route.check(sender, sender.wait(), rows, protocol)


def secure(setting, sdk, protocol, coding, options):
    def body(route, rows):
        sent_with(route, rows, sdk, protocol, coding,
                  [*options, "--ca", setting.certificate[0]])
    return through_one_backend(setting, title("TLS in and out", options), sdk, protocol, coding,
                               body, secure=True)


def plain(setting, sdk, protocol, coding, options):
    def body(route, rows):
        sent_with(route, rows, sdk, protocol, coding, options)
    return through_one_backend(setting, title("plain text", options), sdk, protocol, coding, body)


def crossed(setting, sdk, protocol, coding):
    def body(route, rows):
        sent_with(route, rows, sdk, protocol, coding, [],
                  port=route.collector.ports[OTHER[transport(protocol)]])
    return through_one_backend(setting, f"sent to the port of {OTHER[transport(protocol)]}", sdk,
                               protocol, coding, body)


def cases(sdks):
    for run, list_of_args in ((secure, SECURE), (plain, PLAIN), (crossed, CROSSED)):
        for args in list_of_args:
            if args[0] in sdks:
                yield lambda setting, run=run, args=args: run(setting, *args)
