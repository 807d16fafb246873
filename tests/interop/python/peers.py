# SPDX-License-Identifier: Apache-2.0
"""Programs that are not ours at the other end: the OpenTelemetry Collector and Jaeger 2, as
../peers/build makes them. Each runs with a configuration written for the case, on ports of its own.
"""

import os
import signal
import subprocess
import time
import urllib.request

from collector import environment

READY = "Everything is ready."  # both are built on the Collector
START_S = 60
STOP_S = 30


class Peer:
    """A running peer; a context manager. `config`: the text of its configuration."""

    def __init__(self, setting, kind, name, config):
        self.log_path = os.path.join(setting.work, f"{name}.log")
        path = os.path.join(setting.work, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        self._command = [setting.peers[kind], "--config", path]
        self._process = None

    def __enter__(self):
        with open(self.log_path, "wb") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log,
                                             stderr=log, env=environment())
        deadline = time.monotonic() + START_S
        while READY not in self.log():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"{self._command[0]} did not start, see {self.log_path}")
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()


def get(url):
    """The body of ${url}, without a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as response:
        return response.read()
