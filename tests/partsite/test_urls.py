def test_a_browser_that_asks_by_itself_finds_the_icon(client):
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer["Location"]) == (302, "/static/img/logo.svg")
