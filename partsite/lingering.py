"""Threads of a web process that stay with a connection for its next request.

gunicorn gives a connection back to the poller after each answer, and a thread to it for
each request. Those two changes of threads took a third of the processor time of a part
that is read by key (measured). So a thread waits for a moment at the connection that it
has just answered, as long as no other request wants it.
"""

import os
import select
import socket
from collections import deque
from contextlib import suppress

LONGEST_MS = 10  # longer than a script takes to read an answer and to ask again


class Lingering:
    """Who waits where, among the threads of a process.

    Counted in deques, of which adding and taking are one step for all threads.
    """

    def __init__(self, threads: int) -> None:
        self._requests: deque[None] = deque()  # that no thread has taken yet
        self._free: deque[None] = deque([None] * threads)
        self._waiting: deque[None] = deque()  # threads
        self._ears, self._rope = os.pipe()
        for end in (self._ears, self._rope):
            os.set_blocking(end, False)

    def close(self) -> None:
        os.close(self._ears)
        os.close(self._rope)

    def expect(self) -> None:
        """Note a request that wants a thread; call one away if none is free."""
        self._requests.append(None)
        if self._waiting and len(self._requests) > len(self._free):
            with suppress(BlockingIOError):  # so many that all are called
                os.write(self._rope, b".")

    def begin(self) -> None:
        """Note that a thread has taken a request."""
        # In this order: between the two a thread too many may be called, none too few.
        self._free.pop()
        self._requests.popleft()

    def end(self) -> None:
        """Note that a thread is free."""
        self._free.append(None)

    def asks_again(self, client: socket.socket) -> bool:
        """Wait with a thread that has answered; return whether more has come.

        It is not waited for where, or as soon as, a request wants the thread.
        """
        poll = select.poll()
        poll.register(client, select.POLLIN)
        poll.register(self._ears, select.POLLIN)
        self._waiting.append(None)
        try:
            if self._requests:
                return False
            found = {file for file, _ in poll.poll(LONGEST_MS)}
        finally:
            self._waiting.pop()
        if self._ears in found:
            with suppress(BlockingIOError):  # another thread was called
                os.read(self._ears, 1)
                return False
        return client.fileno() in found
