# SPDX-License-Identifier: Apache-2.0
"""Stands between an SDK and the collector and counts connections; bytes pass unseen."""

import socket
import threading

from sink import LOOPBACK

READ_BYTES = 65_536


class Relay:
    """To ${port}; listens on `.port` until close()."""

    def __init__(self, port):
        self._target = (LOOPBACK, port)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # ends the accept that may be waiting
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            for pair in ((client, server), (server, client)):
                threading.Thread(target=_copy, args=pair, daemon=True).start()


def _copy(source, target):
    """One direction. Its end is passed on; the sockets close with the last reference."""
    try:
        while data := source.recv(READ_BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other direction has ended both
