"""The client of Onshape against a server of ours that behaves as Onshape documents."""

import json
import logging
import socket
from urllib.parse import urlsplit

import pytest
import requests

from parts.errors import LinkRefused, OnshapeFailed
from parts.onshape import client, links
from tests.onshape import (
    DOCUMENT,
    PDF,
    TAB,
    WORKSPACE,
    Clock,
    Onshape,
    cut_off,
    raw,
    redirect,
    refusal,
    silence,
)

CAD = "https://cad.onshape.com"
PLACE = f"/documents/{DOCUMENT}/w/{WORKSPACE}/e/{TAB}"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def fetch(onshape, clock, tmp_path):
    """Fetch a drawing from the stand-in; returns its bytes."""

    def fetch(wvm: str = "w", *, url: str = "", secret_key: str = "", **options):
        url = url or onshape.url
        target = tmp_path / "drawing.pdf"
        keys = (onshape.access_key, secret_key or onshape.secret_key)
        fetch.name = client.fetch_drawing(
            links.parse_link(onshape.link(wvm, url), url),
            target,
            account=client.Account(url, *keys),
            **{"limit_bytes": 1000, "clock": clock, **options},
        )
        return target.read_bytes()

    return fetch


def refused(call, *args, **kwargs) -> str:
    with pytest.raises(OnshapeFailed) as caught:
        call(*args, **kwargs)
    assert caught.value.status == 502
    return str(caught.value)


# --- Links --------------------------------------------------------------------


@pytest.mark.parametrize("wvm", ["w", "v", "m"])
@pytest.mark.parametrize("rest", ["", "/", "?configuration=a%3Db", "#x", "?a=/e/"])
def test_a_link_names_document_place_and_tab(wvm, rest):
    address = f"{CAD}/documents/{DOCUMENT}/{wvm}/{WORKSPACE}/e/{TAB}{rest}"
    link = links.parse_link(address, CAD)
    assert link == links.Link(DOCUMENT, wvm, WORKSPACE, TAB)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (f"https://CAD.Onshape.com{PLACE}", CAD),
        (f"https://cad.onshape.com:443{PLACE}", CAD),
        (f"https://team.example:8443{PLACE}", "https://team.example:8443"),
        (f"http://127.0.0.1:9000{PLACE}", "http://127.0.0.1:9000"),
    ],
)
def test_one_host_may_be_written_in_several_ways(address, url):
    assert links.parse_link(address, url).element == TAB


@pytest.mark.parametrize(
    "address",
    [
        f"https://example.org{PLACE}",
        f"https://cad.onshape.com.example.org{PLACE}",
        f"https://cad.onshape.com@example.org{PLACE}",
        f"https://cad.onshape.com:secret@cad.onshape.com{PLACE}",
        f"https://user@cad.onshape.com{PLACE}",
        f"https://team.onshape.com{PLACE}",
        f"https://cad.onshape.com.{PLACE}",
        f"https://cad.onshape.com:8443{PLACE}",
        f"https://cad.onshape.com:99999{PLACE}",
        f"http://cad.onshape.com{PLACE}",
        f"ftp://cad.onshape.com{PLACE}",
        f"//cad.onshape.com{PLACE}",
        f"cad.onshape.com{PLACE}",
        f"https://example.org\\@cad.onshape.com{PLACE}",
        f"https:\\\\cad.onshape.com{PLACE}",
        f"https://cad.onshape.com%2eexample.org{PLACE}",
        f"https://cad.onshape.com\t{PLACE}",
        f"https://cad.\nonshape.com{PLACE}",
        f"https://cad.onshape。com{PLACE}",
        f"https://саd.onshape.com{PLACE}",  # noqa: RUF001 - Cyrillic letters
        f"https://[cad.onshape.com{PLACE}",
        f"https://{PLACE}",
        "javascript:alert(1)",
    ],
)
def test_any_other_host_is_refused(address):
    with pytest.raises(LinkRefused) as caught:
        links.parse_link(address, CAD)
    assert str(caught.value) == (
        "The Onshape link of this part does not lead to https://cad.onshape.com, "
        "the only place this server fetches drawings from."
    )
    assert (caught.value.status, caught.value.field) == (400, "onshapeUrl")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        f"/documents/{DOCUMENT}",
        f"/documents/{DOCUMENT}/w/{WORKSPACE}",
        f"/documents/{DOCUMENT}/x/{WORKSPACE}/e/{TAB}",
        f"/documents/{DOCUMENT}/w/{WORKSPACE}/e/{TAB}0",
        f"/documents/{DOCUMENT}/w/{WORKSPACE}/e/{TAB[1:]}",
        f"/documents/{DOCUMENT}/w/{WORKSPACE}/e/../../..",
        f"/documents/{DOCUMENT}/w/{WORKSPACE}/e/{TAB}/translations",
        f"/x{PLACE}",
        f"/?next={PLACE}",
        f"/#{PLACE}",
        f"/api/v6/drawings/d/{DOCUMENT}/w/{WORKSPACE}/e/{TAB}",
        PLACE.replace("d" * 24, "g" * 24),
        PLACE.replace("d" * 24, "٣" * 24),
    ],
)
def test_what_is_no_tab_is_refused(path):
    with pytest.raises(LinkRefused, match="does not lead to a tab"):
        links.parse_link(f"{CAD}{path}", CAD)


def test_no_link_is_refused():
    with pytest.raises(LinkRefused, match="^This part has no Onshape link"):
        links.parse_link("", CAD)


# --- The three calls ----------------------------------------------------------


@pytest.mark.parametrize("wvm", ["w", "v", "m"])
def test_a_drawing_is_translated_and_downloaded(onshape, fetch, wvm):
    assert fetch(wvm) == PDF
    assert fetch.name == "Gusset drawing"
    assert [(call.method, call.path) for call in onshape.calls] == [
        (
            "POST",
            f"/api/v6/drawings/d/{DOCUMENT}/{wvm}/{WORKSPACE}/e/{TAB}/translations",
        ),
        ("GET", "/api/v6/translations/t1"),
        ("GET", f"/api/v6/documents/d/{DOCUMENT}/externaldata/f1"),
    ]
    assert onshape.bodies == [{"formatName": "PDF", "storeInDocument": False}]


def test_each_request_is_signed_for_itself_and_the_secret_is_never_sent(onshape, fetch):
    fetch()
    headers = [call.headers for call in onshape.calls]
    assert len({told["On-Nonce"] for told in headers}) == 3
    assert len({told["Authorization"] for told in headers}) == 3
    assert not any(onshape.secret_key in str(told) for told in headers)


def test_the_translation_is_asked_for_at_growing_intervals(onshape, fetch, clock):
    onshape.polls = 5
    beats = []
    fetch(on_wait=lambda: beats.append(clock.now))
    # 1, 2, 4, 8, 15 and 15 seconds, none slept in one piece longer than five.
    assert clock.slept == [1, 2, 4, 5, 3, 5, 5, 5, 5, 5, 5]
    assert onshape.asked == ["start", *["poll"] * 6, "download"]
    assert max(b - a for a, b in zip(beats, beats[1:], strict=False)) <= 5


def test_a_translation_that_does_not_end_is_given_up(onshape, fetch, clock):
    onshape.polls = 1000
    assert refused(fetch, timeout_s=90) == (
        "Onshape did not finish the PDF within 90 seconds. Try again later."
    )
    assert sum(clock.slept) <= 90
    assert len(onshape.calls) < 12  # an account has some thousand calls a year


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("The  drawing\nis empty.", "of this drawing: The drawing is empty."),
        (None, "of this drawing, and did not say why."),
        ("x" * 1000, f"of this drawing: {'x' * 200}."),
    ],
)
def test_a_failed_translation_says_why(onshape, fetch, reason, words):
    onshape.done = {"requestState": "FAILED", "failureReason": reason}
    assert refused(fetch) == f"Onshape could not make a PDF {words}"
    assert onshape.asked == ["start", "poll"]


def test_a_translation_may_be_done_at_once(onshape, fetch, clock):
    known = {"id": "t1", "requestState": "DONE", "resultExternalDataIds": ["f1"]}
    onshape.troubles["start"] = [raw(json.dumps(known).encode())]
    assert fetch() == PDF
    assert fetch.name == ""
    assert clock.slept == []


# --- Refusals -----------------------------------------------------------------


def test_wrong_keys(onshape, fetch):
    assert refused(fetch, secret_key="wrong") == (  # noqa: S106 - opens nothing
        "Onshape does not know the keys of this server. Whoever runs it checks "
        "ONSHAPE_ACCESS_KEY, ONSHAPE_SECRET_KEY and ONSHAPE_URL."
    )
    assert onshape.asked == ["start"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Onshape finds no drawing at this link (400)."),
        (403, "Onshape does not let this server export the drawing."),
        (404, "Onshape finds no drawing at this link (404)."),
        (402, "Onshape refused the call (402)."),
        (204, "Onshape refused the call (204)."),
    ],
)
@pytest.mark.parametrize("call", ["start", "poll", "download"])
def test_a_refusal_is_told_at_once(onshape, fetch, clock, call, status, words):
    onshape.troubles[call] = [refusal(status)]
    assert refused(fetch).startswith(words)
    assert onshape.asked.count(call) == 1


# --- What passes by itself ----------------------------------------------------


@pytest.mark.parametrize("call", ["start", "poll", "download"])
def test_a_rate_limit_is_waited_for_as_long_as_is_asked(onshape, fetch, clock, call):
    onshape.troubles[call] = [refusal(429, "Too many requests.", Retry_After="7")]
    assert fetch() == PDF
    assert sum(clock.slept) == 7 + 1
    assert onshape.asked.count(call) == 2


def test_a_rate_limit_may_name_a_date(onshape, fetch, clock, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_000_000_000.0)
    date = "Sun, 09 Sep 2001 01:46:51 GMT"  # eleven seconds later
    onshape.troubles["poll"] = [refusal(429, Retry_After=date)]
    # The stand-in looks at its own clock; here only the wait is of interest.
    onshape.troubles["start"] = [raw(b'{"id": "t", "requestState": "ACTIVE"}')]
    onshape.troubles["poll"] += [raw(b'{"requestState": "FAILED"}')]
    refused(fetch)
    assert sum(clock.slept) == 11 + 1


@pytest.mark.parametrize("retry_after", ["", "soon", "-5", "²", "0"])
def test_a_rate_limit_without_a_readable_time_is_waited_for_longer_each_time(
    onshape, fetch, clock, retry_after
):
    # As long as a header can be sent at all, whatever it says.
    header = {"Retry_After": retry_after} if retry_after.isascii() else {}
    onshape.troubles["start"] = [refusal(429, **header)] * 3
    assert fetch() == PDF
    assert clock.slept[:4] == [1, 2, 4, 1]


@pytest.mark.parametrize(
    ("seconds", "words"), [("89", "89 seconds"), ("450", "8 minutes")]
)
def test_a_rate_limit_longer_than_our_patience_is_told(onshape, fetch, seconds, words):
    onshape.troubles["start"] = [refusal(429, Retry_After=seconds)]
    assert refused(fetch, timeout_s=60) == (
        f"Onshape takes no more calls from this server for now. Try again in {words}."
    )
    assert onshape.asked == ["start"]


@pytest.mark.parametrize("status", [499, 500, 502, 503])
def test_a_trouble_of_onshape_is_tried_again(onshape, fetch, clock, status):
    onshape.troubles["download"] = [refusal(status), refusal(status)]
    assert fetch() == PDF
    assert clock.slept == [1, 1, 2]


def test_a_trouble_that_stays_is_told_after_five_tries(onshape, fetch, clock):
    onshape.troubles["poll"] = [refusal(503)] * 9
    assert refused(fetch) == (
        "Onshape has a problem of its own (503). Try again later."
    )
    assert onshape.asked.count("poll") == 5


def test_a_503_is_waited_for_as_long_as_is_asked(onshape, fetch, clock):
    onshape.troubles["start"] = [refusal(503, Retry_After="4")]
    fetch()
    assert clock.slept == [4, 1]


@pytest.mark.parametrize("call", ["start", "poll", "download"])
def test_no_answer_in_time(onshape, fetch, monkeypatch, call):
    monkeypatch.setattr(client, "READ_SECONDS", 0.05)
    onshape.troubles[call] = [silence] * 5
    assert refused(fetch) == "Onshape did not answer in time. Try again later."
    assert onshape.asked.count(call) == 5


def test_onshape_cannot_be_reached(fetch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert refused(fetch, url=url) == (
            "Onshape cannot be reached from this server. Try again later."
        )


def test_a_connection_that_is_not_safe_is_not_tried_twice(fetch, clock, monkeypatch):
    def send(*args, **kwargs):
        raise requests.exceptions.SSLError("self-signed")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    assert refused(fetch) == (
        "The connection to Onshape is not safe: its certificate cannot be checked."
    )
    assert clock.slept == []


# --- The file -----------------------------------------------------------------


def test_a_download_that_is_cut_off_begins_anew(onshape, fetch):
    onshape.troubles["download"] = [cut_off]
    assert fetch() == PDF
    assert onshape.asked.count("download") == 2


def test_a_download_that_is_always_cut_off_is_no_file(onshape, fetch):
    onshape.troubles["download"] = [cut_off] * 5
    assert refused(fetch) == "The answer of Onshape was cut off. Try again later."


def test_a_download_that_stops_in_the_middle_is_given_up(onshape, fetch, monkeypatch):
    monkeypatch.setattr(client, "READ_SECONDS", 0.05)

    def stall(handler):
        handler.send(200, PDF[:10], Content_Length=str(len(PDF)))
        silence(handler)

    onshape.troubles["download"] = [stall] * 5
    assert refused(fetch) == "The answer of Onshape was cut off. Try again later."


def test_a_slow_download_ends_with_our_patience(onshape, fetch, clock, monkeypatch):
    monkeypatch.setattr(client, "_CHUNK_BYTES", 1)

    def on_wait():
        clock.now += 10

    assert refused(fetch, on_wait=on_wait, timeout_s=60) == (
        "Onshape did not answer in time. Try again later."
    )


def test_a_file_over_the_limit_is_left(onshape, fetch, tmp_path):
    onshape.pdf = b"%PDF-" + b" " * 3 * 1024 * 1024
    limit = 2 * 1024 * 1024
    assert refused(fetch, limit_bytes=limit) == (
        "The PDF of this drawing is larger than 2 MB."
    )
    assert (tmp_path / "drawing.pdf").stat().st_size <= limit
    assert onshape.asked.count("download") == 1


# --- Nonsense -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("start", b"<html>Sign in</html>"),
        ("start", b""),
        ("start", b"[]"),
        ("start", b"\xff\xfe"),
        ("start", b'{"requestState": "ACTIVE"}'),
        ("start", b'{"id": 7, "requestState": "ACTIVE"}'),
        ("start", b'{"id": "t1", "requestState": "PAUSED"}'),
        ("start", b'{"id": "t1"}'),
        ("poll", b'{"id": "t1", "requestState": null}'),
        ("poll", b'{"requestState": "DONE"}'),
        ("poll", b'{"requestState": "DONE", "resultExternalDataIds": []}'),
        ("poll", b'{"requestState": "DONE", "resultExternalDataIds": [null]}'),
        ("poll", b'{"requestState": "DONE", "resultExternalDataIds": "f1"}'),
        ("poll", b'{"requestState": "FAILED"}' + b" " * 1024 * 1024),
    ],
)
def test_an_answer_that_makes_no_sense(onshape, fetch, call, body):
    onshape.troubles[call] = [raw(body)]
    assert refused(fetch) == (
        "Onshape answered in a way that this server does not know."
    )


def test_what_onshape_calls_its_result_leads_nowhere_else(onshape, fetch):
    onshape.done = {**onshape.done, "resultExternalDataIds": ["../../x?a#b"]}
    fetch()
    path = f"/api/v6/documents/d/{DOCUMENT}/externaldata/..%2F..%2Fx%3Fa%23b"
    assert onshape.calls[-1].path == path


# --- Redirects ----------------------------------------------------------------


def test_a_redirect_at_home_is_signed_anew(onshape, fetch):
    there = f"/api/v6/documents/d/{DOCUMENT}/externaldata/other?a=1&b=X%20y"
    onshape.troubles["download"] = [redirect(there)]
    assert fetch() == PDF
    assert onshape.calls[-1].path == there


@pytest.fixture
def storage(monkeypatch):
    """Another server, reached as https://storage.example."""
    server = Onshape()
    server.troubles["unknown"] = [raw(b"%PDF from there")]
    send = requests.adapters.HTTPAdapter.send

    def led(adapter, request, **kwargs):
        parts = urlsplit(request.url)
        if parts.netloc in {"storage.example", "cad2.onshape.com"}:
            request.url = f"{server.url}{parts.path}?{parts.query}"
        return send(adapter, request, **kwargs)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", led)
    yield server
    server.close()


def test_another_host_gets_no_signature_and_no_password(
    onshape, fetch, storage, tmp_path, monkeypatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine storage.example login somebody password something")
    monkeypatch.setenv("NETRC", str(netrc))
    onshape.troubles["download"] = [redirect("https://storage.example/f?Signature=1")]
    assert fetch() == b"%PDF from there"
    (call,) = storage.calls
    assert call.path == "/f?Signature=1"
    assert call.headers["Authorization"] is None
    assert call.headers["On-Nonce"] is None
    assert onshape.access_key not in str(call.headers)


def test_only_servers_of_onshape_itself_are_signed_for():
    def is_of(url: str, there: str) -> bool:
        return links.is_of(urlsplit(url), urlsplit(there))

    assert is_of(CAD, "https://cad.onshape.com:443/x")
    assert is_of(CAD, "https://cad-usw2.onshape.com/x")
    assert is_of("https://team.example", "https://team.example/x")
    assert not is_of(CAD, "http://cad2.onshape.com/x")
    assert not is_of(CAD, "https://evilonshape.com/x")
    assert not is_of(CAD, "https://onshape.com.example.org/x")
    assert not is_of("https://team.example", "https://cad.onshape.com/x")
    assert not is_of("https://team.example", "https://x.team.example/x")


@pytest.mark.parametrize(
    "location",
    [
        "http://storage.example/f",
        "//storage.example/f",
        "file:///etc/passwd",
        "ftp://storage.example/f",
        "https://user@storage.example/f",
        "https://storage.example\\@x/f",
        "https://[storage",
        "",
    ],
)
def test_a_redirect_to_anything_less_safe_is_not_followed(
    onshape, fetch, storage, location
):
    onshape.troubles["download"] = [redirect(location)]
    assert refused(fetch) == (
        "Onshape answered in a way that this server does not know."
    )
    assert storage.calls == []


def test_redirects_come_to_an_end(onshape, fetch):
    onshape.troubles["download"] = [redirect("/api/v6/again")]
    onshape.troubles["unknown"] = [redirect("/api/v6/again")] * 20
    assert refused(fetch) == "Onshape refused the call (307)."
    assert len(onshape.calls) == 2 + 4


@pytest.mark.parametrize("status", [301, 302, 303, 308])
def test_only_the_documented_redirect_is_followed(onshape, fetch, storage, status):
    onshape.troubles["download"] = [
        refusal(status, Location="https://storage.example/f")
    ]
    assert refused(fetch) == f"Onshape refused the call ({status})."
    assert storage.calls == []


# --- Secrets ------------------------------------------------------------------


def test_keys_stand_in_no_log_and_in_no_sentence(onshape, fetch, caplog):
    caplog.set_level(logging.DEBUG)
    fetch()
    onshape.troubles["start"] = [refusal(500)] * 5
    said = refused(fetch)
    account = client.Account(onshape.url, onshape.access_key, onshape.secret_key)
    told = f"{caplog.text} {said} {account!r} {account}"
    assert "externaldata" in caplog.text  # it was listened to
    assert onshape.secret_key not in told
    assert onshape.access_key not in told
