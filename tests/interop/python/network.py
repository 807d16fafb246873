# SPDX-License-Identifier: Apache-2.0
"""Backends by name, asked of a real dnsmasq, and behind a real Squid that is configured as Debian
ships it: CONNECT to port 443 alone."""

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import time

from case import Row
from collector import free_port
from route import Route, guarded
from sink import LOOPBACK

DOMAIN = "interop.test"
START_S = 30

# What Debian's squid.conf says of access, without its comments.
SQUID_RULES = """
acl SSL_ports port 443
acl Safe_ports port 80 21 443 70 210 1025-65535 280 488 591 777
http_access deny !Safe_ports
http_access deny CONNECT !SSL_ports
http_access allow localhost
http_access deny all
cache deny all
shutdown_lifetime 0 seconds
"""


def program(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if path is None:
        raise RuntimeError(f"{name} is not installed, see packages.txt")
    return path


class Server:
    """A program that listens on a port of loopback; ended with the `with` block."""

    def __init__(self, work, name, port, command):
        self.port = port
        self.log_path = os.path.join(work, name + ".output")
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log)
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"{name} did not start, see {self.log_path}")
            time.sleep(0.02)

    def _answers(self):
        try:
            socket.create_connection((LOOPBACK, self.port), 1).close()
        except OSError:
            return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def dnsmasq(work):
    """backend.interop.test is this machine in both families, tracing.interop.test its alias."""
    port = free_port()
    return Server(work, "dnsmasq", port, [
        program("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
        "--no-hosts", f"--user={getpass.getuser()}", f"--port={port}",
        f"--listen-address={LOOPBACK}", "--bind-interfaces", "--pid-file=",
        f"--host-record=backend.{DOMAIN},{LOOPBACK},::1,60",
        f"--cname=tracing.{DOMAIN},backend.{DOMAIN},60"])


def squid(work):
    folder = os.path.join(work, "squid")
    os.makedirs(folder)
    if os.getuid() == 0:  # then it works as its own user
        os.chown(folder, pwd.getpwnam("proxy").pw_uid, -1)
        for above in (work, os.path.dirname(work)):
            os.chmod(above, os.stat(above).st_mode | 0o055)
    port = free_port()
    config = os.path.join(folder, "squid.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(SQUID_RULES + f"http_port {LOOPBACK}:{port}\npid_filename none\n"
                   f"access_log stdio:{folder}/access.log\ncache_log {folder}/cache.log\n"
                   f"coredump_dir {folder}\nnetdb_filename none\n")
    return Server(work, "squid", port, [program("squid"), "--foreground", "-N", "-f", config])


def named_and_proxied(setting, sdk, protocol, coding):
    """gRPC to an alias that needs the search domain; HTTP to a proxy, which is asked for the backend
    on a port that it would not make a tunnel to."""
    rows = {exporter: Row(f"by name, proxied: {exporter}", sdk, protocol, coding)
            for exporter in ("otlp_grpc/jaeger", "otlp_http/langfuse")}
    return guarded(list(rows.values()), lambda: _run(setting, rows, sdk, protocol, coding))


def _run(setting, rows, sdk, protocol, coding):
    resolv_conf = os.path.join(setting.work, "resolv.conf")
    with open(resolv_conf, "w", encoding="utf-8") as file:
        file.write(f"nameserver {LOOPBACK}\nsearch nowhere.test {DOMAIN}\noptions ndots:5\n")
    with dnsmasq(setting.work) as names, squid(setting.work) as proxy:
        overrides = {"exporters.otlp_http/langfuse.proxy_url": f"http://{LOOPBACK}:{proxy.port}"}
        variables = {"SLUICE_RESOLV_CONF": resolv_conf, "SLUICE_DNS_PORT": str(names.port)}
        with Route(setting, "network", "scrape.yaml", overrides, variables=variables,
                   hosts={"otlp_grpc/jaeger": "tracing"}) as route:
            sender = route.send(sdk, protocol, coding, "--spans", 300, "--scrapes", 20)
            route.check(sender, sender.wait(), rows, protocol)
        with open(os.path.join(setting.work, "squid", "access.log"), encoding="utf-8") as log:
            # But for our own look whether it is there, which says nothing.
            lines = [line for line in log.read().splitlines() if "NONE_NONE" not in line]
    if not lines or any("POST http://" not in line or "/200 " not in line for line in lines):
        rows["otlp_http/langfuse"].problems.append(f"the proxy's log: {lines[:3]}")


def cases(sdks):
    if "Python" in sdks:
        yield lambda setting: named_and_proxied(setting, "Python", "grpc", "gzip")
