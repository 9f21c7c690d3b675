"""How gunicorn's processes share connections; the processes are played here."""

from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import ThreadWorker

from partsite import webserver
from partsite.webserver import EvenWorker, free_place, give_cores, give_place


@pytest.fixture(autouse=True)
def _nobody(monkeypatch):
    """Begin without any process, and without those of a server around."""
    monkeypatch.setattr(webserver, "_counts", [webserver._NOBODY] * 4)


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(webserver.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def server(monkeypatch):
    def accept(self, listener):
        self.nr_conns += 1

    def dispatch(self, timeout):
        self.nr_conns += self.closed
        self.closed = 0

    monkeypatch.setattr(ThreadWorker, "run", lambda self: None)
    monkeypatch.setattr(ThreadWorker, "accept", accept)
    monkeypatch.setattr(ThreadWorker, "wait_for_and_dispatch_events", dispatch)
    return SimpleNamespace(WORKERS={})


def _process(server) -> EvenWorker:
    worker = EvenWorker.__new__(EvenWorker)
    worker.nr_conns = worker.closed = 0
    worker.alive = True
    worker.max_keepalived = 996
    give_place(server, worker)
    server.WORKERS[len(server.WORKERS)] = worker
    worker.run()
    return worker


def test_who_has_more_leaves_the_next_one_to_the_other(server, clock):
    one, other = _process(server), _process(server)
    for _ in range(8):
        one.accept(None)
    assert one.nr_conns == 1
    other.accept(None)
    one.accept(None)
    assert (one.nr_conns, other.nr_conns) == (2, 1)


def test_who_has_lost_connections_is_asked_again(server, clock):
    one, other = _process(server), _process(server)
    one.accept(None)
    one.closed = -1
    one.wait_for_and_dispatch_events(1.0)
    other.accept(None)
    other.accept(None)
    assert (one.nr_conns, other.nr_conns) == (0, 1)


def test_who_leaves_one_to_another_leaves_it_the_core_too(server, clock, monkeypatch):
    yielded = []
    monkeypatch.setattr(webserver.os, "sched_yield", lambda: yielded.append(True))
    one, _other = _process(server), _process(server)
    one.accept(None)
    assert not yielded
    one.accept(None)
    assert yielded == [True]


def test_nobody_waits_long_for_a_process_that_does_not_come(server, clock):
    one, _busy = _process(server), _process(server)
    one.accept(None)
    one.accept(None)
    clock.now += 0.0021
    one.accept(None)
    assert one.nr_conns == 2
    one.accept(None)  # and so each time anew
    assert one.nr_conns == 2


def test_a_process_that_has_ended_is_not_waited_for(server, clock):
    one, other = _process(server), _process(server)
    one.accept(None)
    free_place(server, other)
    one.accept(None)
    assert one.nr_conns == 2


def test_a_new_process_takes_the_place_of_one_that_has_ended(server, clock):
    one, other = _process(server), _process(server)
    other.accept(None)
    del server.WORKERS[1]
    free_place(server, other)
    anew = _process(server)
    assert (anew.place, one.place) == (1, 0)
    one.accept(None)
    one.accept(None)
    assert one.nr_conns == 1


def test_a_process_beyond_those_that_are_counted_works_as_well(server, clock):
    *_, last = [_process(server) for _ in range(5)]
    assert last.place is None
    last.accept(None)
    last.wait_for_and_dispatch_events(1.0)
    free_place(server, last)
    assert last.nr_conns == 1
    for other in server.WORKERS.values():
        free_place(server, other)
    _taken(last, 8)
    assert last.max_keepalived == 996


def test_the_only_process_takes_everything(server, clock):
    one = _process(server)
    for _ in range(8):
        one.accept(None)
    assert one.nr_conns == 8


def _taken(worker: EvenWorker, count: int) -> None:
    worker.nr_conns = count
    worker.wait_for_and_dispatch_events(1.0)


def test_who_has_too_many_hands_over_one_at_a_time(server, clock):
    one, other = _process(server), _process(server)
    _taken(one, 8)
    assert (one.max_keepalived, other.max_keepalived) == (0, 996)
    assert one.max_keepalived == 996  # the one that goes is counted with neither yet
    clock.now += 0.021
    assert one.max_keepalived == 0


@pytest.mark.parametrize(("ours", "theirs"), [(5, 4), (4, 4), (1, 0), (0, 0), (3, 9)])
def test_nobody_hands_over_what_would_be_too_many_there(server, clock, ours, theirs):
    one, other = _process(server), _process(server)
    _taken(one, ours)
    _taken(other, theirs)
    assert one.max_keepalived == 996


def test_the_only_process_hands_nothing_over(server, clock):
    one = _process(server)
    _taken(one, 8)
    assert one.max_keepalived == 996


def test_nothing_is_left_to_a_process_that_is_about_to_end(server, clock):
    one, other = _process(server), _process(server)
    _taken(one, 4)
    other.alive = False
    _taken(other, 1)
    one.accept(None)
    assert one.nr_conns == 5
    assert one.max_keepalived == 996


def test_nothing_is_left_to_a_process_that_does_not_listen_yet(
    server, clock, monkeypatch
):
    one = _process(server)
    monkeypatch.setattr(EvenWorker, "run", lambda self: None)
    _process(server)
    _taken(one, 4)
    one.accept(None)
    assert one.nr_conns == 5
    assert one.max_keepalived == 996


# --- Cores --------------------------------------------------------------------


@pytest.fixture
def forked(monkeypatch):
    """Return what gives a new process its cores, as gunicorn would start it."""
    monkeypatch.setattr(webserver.cores.os, "sched_getaffinity", lambda pid: {0, 1})
    server = SimpleNamespace(WORKERS={}, num_workers=2)

    def fork(pid: int) -> list[int]:
        worker = EvenWorker.__new__(EvenWorker)
        give_cores(server, worker)
        server.WORKERS[pid] = worker
        return worker.cores

    fork.end = server.WORKERS.pop
    return fork


def test_a_process_that_is_made_anew_answers_where_the_last_one_did(forked):
    assert [forked(1), forked(2)] == [[0], [1]]
    for pid, own in ((1, [0]), (2, [1])):
        forked.end(pid)
        assert forked(pid + 10) == own


def test_all_processes_made_anew_share_the_cores_as_well(forked):
    forked(1), forked(2)
    assert [forked(3), forked(4)] == [[0], [1]]  # beside those that are to end
    forked.end(1), forked.end(2)
    for pid, own in ((4, [1]), (3, [0])):
        forked.end(pid)
        assert forked(pid + 10) == own
