# SPDX-License-Identifier: Apache-2.0
"""An application of ../apps as a child process, in the environment that its packages are in."""

import os
import re
import signal
import subprocess

from collector import environment
from compare import Sent

HERE = os.path.dirname(os.path.abspath(__file__))
APPS = os.path.join(HERE, "..", "apps")
END_S = 60  # no application runs longer


def pinned(package):
    """The version of ${package} that applications are run with."""
    with open(os.path.join(APPS, "requirements.txt"), encoding="utf-8") as file:
        return re.search(rf"^{re.escape(package)}==(\S+)", file.read(), re.MULTILINE)[1]


class Application:
    """`command`: a program that its packages bring, and arguments. `variables`: for the process."""

    def __init__(self, setting, name, command, package, **variables):
        self.record = os.path.join(setting.work, name + ".record")
        self.version = pinned(package)
        self.failures = []
        self.problems = []
        self._log_path = os.path.join(setting.work, name + ".application.log")
        programs = os.path.join(setting.applications, "bin")
        paths = [path for path in (HERE, os.environ.get("PYTHONPATH")) if path]
        with open(self._log_path, "wb") as log:
            self.process = subprocess.Popen(
                [os.path.join(programs, command[0]), *map(str, command[1:])], cwd=APPS,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(
                    PYTHONPATH=os.pathsep.join(paths), PYTHONDONTWRITEBYTECODE="1",
                    PATH=os.pathsep.join([programs, os.environ["PATH"]]),
                    INTEROP_RECORD=self.record, **variables))

    def wait(self):
        """Waits for the end; returns what was exported."""
        try:
            status = self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = f"none: it did not end within {END_S} s"
        if status != 0:
            self.problems.append(f"application ended with status {status}, see {self._log_path}")
        with open(self._log_path, encoding="utf-8", errors="replace") as log:
            self.failures = re.findall(r".*(?:Failed to export|Traceback|Transient error).*",
                                       log.read())
        return Sent.from_record(self.record) if os.path.exists(self.record) else Sent()

    def stop(self):
        """Asks it to end; returns what was exported. By SIGINT: uvicorn lets SIGTERM kill it in the
        end, and then the SDK does not send its last spans."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()
