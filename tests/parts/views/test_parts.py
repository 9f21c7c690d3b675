"""A part's own pages: looked at, handed in, changed, deleted."""

import re
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from parts import workflow
from parts.models import Part, PartEvent, PartFile, Verb
from tests.factories import (
    FACTS,
    make_converted,
    make_file,
    make_part,
)

CREATE = "/parts/new/"
GOOD = {
    "name": "Hub",
    "subsystem": "Intake",
    "type": "cnc",
    "material": "6061-T6",
    "material_thickness": "0.25 in",
    "amount": "4",
    "notes": "Ream the bore.\r\nDeburr.",
    "onshape_url": "cad.onshape.com/documents/1",
    "service_method": "",
}


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response) -> dict[str, list[str]]:
    return response.context["form"].errors.get_json_data() and {
        name: [str(text) for text in texts]
        for name, texts in response.context["form"].errors.items()
    }


def kept_token(response) -> str:
    return re.search(r'name="kept" value="([^"]*)"', response.text).group(1)


def shown(response) -> str:
    """Return what the page says, without its markup."""
    return " ".join(strip_tags(response.text).split())


def lines_in(response) -> int:
    return sum(len(day.lines) for day in response.context["days"])


class TestDetail:
    def page(self, client, part, **query):
        return client.get(part.get_absolute_url(), query)

    def test_a_stranger_is_asked_to_sign_in(self, client, db):
        response = self.page(client, make_part())
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("accounts:login"))

    def test_a_missing_part_is_404(self, member_page):
        response = member_page.get(reverse("parts:detail", args=[999]))
        assert response.status_code == 404
        assert "There is nothing here" in response.text

    def test_a_huge_number_is_404(self, member_page):
        assert member_page.get(f"/parts/{'9' * 40}/").status_code == 404

    def test_a_part_in_the_trash_is_404(self, member_page):
        part = make_part()
        workflow.trash(part, actor=None)
        assert self.page(member_page, part).status_code == 404

    def test_it_is_only_read(self, member_page):
        address = make_part().get_absolute_url()
        assert member_page.post(address).status_code == 405

    def test_facts_stand_with_their_units(self, member_page):
        part = make_part(material_thickness="0.09 in", amount=4)
        make_converted(part)
        text = shown(self.page(member_page, part))
        for words in (
            "203.2 × 76.2 × 2.286 mm",
            "8.000 × 3.000 × 0.090 in",
            "2.286 mm",
            "8 × ⌀ 5.105 mm",
            "1 × ⌀ 28.575 mm",
            "31.1 cm³ 1.90 in³",
            "294 cm² 45.6 in²",
            "0.09 in",
        ):
            assert words in text

    def test_an_open_mesh_gives_no_volume_as_sure(self, member_page):
        about, unknown = make_part(), make_part()
        make_converted(about, facts={**FACTS, "closed": False})
        make_converted(unknown, facts={**FACTS, "closed": False, "volume_mm3": None})
        assert "about 31.1 cm³" in shown(self.page(member_page, about))
        text = self.page(member_page, unknown).text
        assert "not known, the surface is not closed" in text

    def test_an_assembly_has_its_part_list(self, member_page):
        part = make_part()
        items = [{"name": "Plate <L>", "count": 2}, {"name": "Screw", "count": 8}]
        warnings = ["Read in part."]
        make_converted(part, facts={**FACTS, "items": items, "warnings": warnings})
        text = self.page(member_page, part).text
        assert '<th scope="row">2 ×</th><td>Plate &lt;L&gt;</td>' in text
        assert '<th scope="row">8 ×</th><td>Screw</td>' in text
        assert "Read in part." in text

    @pytest.mark.parametrize("facts", [{"solids": 2}, {"box_mm": [1.0]}])
    def test_facts_that_are_missing_break_nothing(self, facts, member_page):
        part = make_part()
        make_converted(part, facts=facts)
        assert self.page(member_page, part).status_code == 200

    def test_the_viewer_gets_the_model_under_its_tag(self, member_page):
        part = make_part(name="Hub")
        file = make_converted(part)
        text = self.page(member_page, part).text
        address = reverse("api:part-model", args=[part.pk])
        assert f'data-src="{address}?v={file.model_tag}"' in text
        assert 'data-bytes="9" data-name="Hub"' in text
        assert 'data-module="/static/viewer/viewer.js"' in text

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("queued", "Waiting to be drawn"),
            ("running", "Drawing…"),
            ("failed", "No solid in it."),
        ],
    )
    def test_without_a_model_the_state_stands_there(self, state, words, member_page):
        part = make_part()
        file = make_file(part)
        PartFile.objects.filter(pk=file.pk).update(state=state, error="No solid in it.")
        text = self.page(member_page, part).text
        assert words in text
        assert "data-viewer " not in text
        assert (f'data-converting="{file.pk}"' in text) == (state != "failed")
        retry = reverse("parts:file-retry", args=[part.pk, "step", 1])
        assert (f'action="{retry}"' in text) == (state == "failed")

    def test_the_history_is_told_newest_first(self, member_page, member, lead):
        part = workflow.create(actor=member, name="Hub", subsystem="Arm", type="cnc")
        workflow.edit(part, actor=lead, material="7075")
        workflow.approve(part, actor=lead)
        workflow.assign(part, worker=member.name, actor=member)
        (today,) = self.page(member_page, part).context["days"]
        assert [strip_tags(line.sentence) for line in today.lines] == [
            "Mara Member took it",
            "Lena Lead approved it",
            "Lena Lead changed it",
            "Mara Member handed it in",
        ]

    def test_a_long_history_is_shown_in_two_steps(self, member_page):
        part = make_part()
        for n in range(25):
            workflow.edit(part, actor=None, material=f"M{n}")
        short = self.page(member_page, part)
        assert lines_in(short) == 20
        assert '<a class="button" href="?history=all#history">' in short.text
        full = self.page(member_page, part, history="all")
        assert lines_in(full) == 25
        assert "Show everything" not in full.text

    def test_whoever_has_it_reads_that_a_newer_file_came(self, member_page, member):
        part = make_part(category="cnc")
        make_file(part)
        workflow.assign(part, worker=member.name, actor=member)
        make_file(part)
        text = self.page(member_page, part).text
        assert "A newer file came after you took this part." in text
        assert reverse("parts:accept-revision", args=[part.pk]) in text
        assert reverse("parts:unclaim", args=[part.pk]) in text

    def test_notes_keep_their_lines_and_are_only_text(self, member_page):
        part = make_part(notes="One\nTwo <script>x</script>\n\nThree")
        text = self.page(member_page, part).text
        assert "One<br>Two &lt;script&gt;x&lt;/script&gt;</p>" in text

    def test_only_a_web_address_becomes_a_link(self, member_page):
        good = make_part(onshape_url="https://cad.onshape.com/1")
        bad = make_part(onshape_url="javascript:alert(1)")
        assert 'href="https://cad.onshape.com/1"' in self.page(member_page, good).text
        assert "javascript:" not in self.page(member_page, bad).text

    def test_a_viewer_sees_no_buttons(self, viewer_page):
        part = make_part(category="cnc")
        file = make_file(part)
        PartFile.objects.filter(pk=file.pk).update(state="failed")
        text = self.page(viewer_page, part).text
        forms = set(re.findall(r'<form[^>]+action="([^"]+)"', text))
        assert forms == {"/search/", "/account/look/", "/account/logout/"}

    @pytest.mark.parametrize(("files", "events"), [(1, 1), (50, 500)])
    def test_query_cost_is_flat(
        self, files, events, lead_page, django_assert_num_queries
    ):
        other = make_part(code="26-301")
        part = make_part(category="cnc", notes=f"Goes with {other.code}.")
        for _ in range(files):
            make_converted(part)
        PartEvent.objects.bulk_create(
            PartEvent(part=part, verb=Verb.EDITED, changes={"material": ["a", f"M{n}"]})
            for n in range(events)
        )
        # Session, user, version, part, events, notes, files.
        with django_assert_num_queries(7):
            response = self.page(lead_page, part, history="all")
        assert len(response.context["files"]) == files
        assert lines_in(response) >= min(events, 500)


class TestEdit:
    def address(self, part) -> str:
        return reverse("parts:edit", args=[part.pk])

    def sent(self, client, part, **changes):
        """Open the form, and send it as a browser does, with these changes."""
        form = client.get(self.address(part)).context["form"]
        data = {"version": form.version}
        for name in form.fields:
            value = form[name].value()
            data[name] = data[f"initial-{name}"] = "" if value is None else str(value)
        return data | changes

    def test_a_stranger_is_asked_to_sign_in(self, client, db):
        part = make_part(name="Hub")
        assert client.post(self.address(part), GOOD).status_code == 302
        part.refresh_from_db()
        assert part.subsystem == "Intake"

    def test_a_viewer_may_not(self, viewer_page):
        part = make_part()
        assert viewer_page.get(self.address(part)).status_code == 403
        assert viewer_page.post(self.address(part), GOOD).status_code == 403

    def test_a_missing_part_is_404(self, member_page):
        address = reverse("parts:edit", args=[999])
        assert member_page.get(address).status_code == 404
        assert member_page.post(address, GOOD).status_code == 404

    def test_another_method_is_refused(self, member_page):
        assert member_page.delete(self.address(make_part())).status_code == 405

    def test_only_what_was_changed_is_written(self, member_page, member):
        part = make_part(type="cnc", notes="Two\nlines")
        data = self.sent(member_page, part, material="7075", amount="3")
        response = member_page.post(self.address(part), data)
        assert response["Location"] == part.get_absolute_url()
        assert said(response) == [f"{part.name} is saved."]
        part.refresh_from_db()
        assert (part.material, part.amount) == ("7075", 3)
        event = part.events.get()
        assert (event.actor, event.verb) == (member, Verb.EDITED)
        assert event.changes == {"material": ["6061-T6", "7075"], "amount": [1, 3]}

    def test_nothing_changed_writes_nothing(self, member_page):
        part = make_part(type="cnc")
        member_page.post(self.address(part), self.sent(member_page, part))
        assert not part.events.exists()

    def test_another_type_moves_a_part_in_production(self, member_page):
        part = make_part(category="cnc")
        data = self.sent(member_page, part, type="hand")
        member_page.post(self.address(part), data)
        part.refresh_from_db()
        assert (part.type, part.category) == ("hand", "hand")

    def test_wrong_input_is_told_and_nothing_lost(self, member_page):
        part = make_part(type="cnc")
        data = self.sent(member_page, part, subsystem="", notes="Keep me")
        response = member_page.post(self.address(part), data)
        assert response.status_code == 422
        assert errors(response) == {"subsystem": ["Say which subsystem it belongs to."]}
        assert "Keep me" in response.text
        part.refresh_from_db()
        assert part.notes == ""

    def test_what_others_changed_meanwhile_is_told_and_kept(self, member_page, lead):
        part = make_part(type="cnc")
        data = self.sent(member_page, part, notes="Mine")
        workflow.edit(part, actor=lead, material="7075", notes="<Theirs>")
        response = member_page.post(self.address(part), data)
        assert response.status_code == 409
        assert "This part was changed while you were editing it." in response.text
        assert "Meanwhile it became: &lt;Theirs&gt;" in response.text
        ((line,),) = ([*response.context["lines"]],)
        assert strip_tags(line.sentence) == "Lena Lead changed it"
        form = response.context["form"]
        assert (form["notes"].value(), form["material"].value()) == ("Mine", "7075")
        part.refresh_from_db()
        assert (part.notes, part.material) == ("<Theirs>", "7075")

        again = {name: form[name].value() for name in form.fields}
        again |= {f"initial-{name}": form.data[f"initial-{name}"] for name in again}
        again["version"] = form.version
        assert member_page.post(self.address(part), again).status_code == 302
        part.refresh_from_db()
        assert (part.notes, part.material) == ("Mine", "7075")
        assert part.events.first().changes == {"notes": ["<Theirs>", "Mine"]}

    def test_only_what_others_changed_is_told_as_such(self, member_page, lead):
        part = make_part(type="cnc", notes="One\nTwo")
        data = self.sent(member_page, part, notes="Mine")
        data["initial-notes"] = "One\r\nTwo"  # as browsers send it
        workflow.edit(part, actor=lead, material="7075")
        response = member_page.post(self.address(part), data)
        assert response.status_code == 409
        assert "Meanwhile it became" not in response.text

    def test_what_happened_before_the_form_was_opened_is_not_told(
        self, member_page, lead
    ):
        part = make_part(type="cnc")
        workflow.edit(part, actor=lead, material="Old news")
        data = self.sent(member_page, part, amount="2")
        workflow.edit(part, actor=lead, material="News")
        response = member_page.post(self.address(part), data)
        changes = [line.changes[0].after for line in response.context["lines"]]
        assert changes == ["News"]

    @pytest.mark.parametrize(
        "version",
        ["", "nonsense", "2026-99-99T00:00", "2026-01-01T00:00:00", "\x00"],
    )
    def test_a_version_that_is_none_hinders_nothing(self, version, member_page):
        part = make_part(type="cnc")
        data = self.sent(member_page, part, amount="2", version=version)
        assert member_page.post(self.address(part), data).status_code == 302

    def test_a_step_that_was_taken_meanwhile_is_told_too(self, member_page, lead):
        part = make_part(type="cnc")
        data = self.sent(member_page, part, amount="2")
        workflow.approve(part, actor=lead)
        response = member_page.post(self.address(part), data)
        assert response.status_code == 409
        lines = response.context["lines"]
        assert [strip_tags(line.sentence) for line in lines] == [
            "Lena Lead approved it"
        ]

    def test_a_part_trashed_meanwhile_is_404(self, member_page):
        part = make_part(type="cnc")
        data = self.sent(member_page, part, amount="2")
        workflow.trash(part, actor=None)
        assert member_page.post(self.address(part), data).status_code == 404

    def test_a_lead_sets_priority(self, lead_page):
        part = make_part(type="cnc")
        data = self.sent(lead_page, part, priority="3")
        lead_page.post(self.address(part), data)
        part.refresh_from_db()
        assert part.priority == 3

    def test_old_data_without_material_stays_as_it_is(self, member_page):
        part = make_part(type="cnc", material="")
        data = self.sent(member_page, part, amount="2")
        assert member_page.post(self.address(part), data).status_code == 302


class TestDelete:
    def address(self, part) -> str:
        return reverse("parts:delete", args=[part.pk])

    def test_a_stranger_is_asked_to_sign_in(self, client, db):
        assert client.get(self.address(make_part())).status_code == 302

    def test_a_lead_is_asked_first(self, lead_page):
        part = make_part(name="Hub")
        response = lead_page.get(self.address(part))
        assert response.status_code == 200
        assert "<strong>Hub</strong>" in response.text
        trash = reverse("parts:trash", args=[part.pk])
        assert f'action="{trash}"' in response.text
        part.refresh_from_db()
        assert part.deleted_at is None

    def test_whoever_handed_it_in_may_while_it_is_in_review(self, member_page, member):
        part = workflow.create(actor=member, name="Hub", subsystem="Arm", type="cnc")
        assert member_page.get(self.address(part)).status_code == 200
        workflow.approve(part, actor=None)
        assert member_page.get(self.address(part)).status_code == 403

    def test_others_may_not(self, member_page, viewer, client):
        part = make_part()
        assert member_page.get(self.address(part)).status_code == 403
        client.force_login(viewer)
        assert client.get(self.address(part)).status_code == 403

    def test_who_has_it_is_told(self, lead_page):
        part = make_part(category="cnc", assigned="Sam", claimed_date=timezone.now())
        assert "Sam has it" in lead_page.get(self.address(part)).text

    def test_a_missing_part_is_404(self, lead_page):
        address = reverse("parts:delete", args=[999])
        assert lead_page.get(address).status_code == 404

    def test_it_only_asks(self, lead_page):
        assert lead_page.post(self.address(make_part())).status_code == 405


def test_an_old_claim_is_told_in_words(member_page, member):
    part = make_part(category="cnc")
    workflow.assign(part, worker=member.name, actor=member)
    long_ago = timezone.now() - timedelta(minutes=4, seconds=5)
    Part.objects.filter(pk=part.pk).update(claimed_date=long_ago)
    text = member_page.get(part.get_absolute_url()).text
    assert "4\xa0minutes ago" in text


def test_what_was_made_wrong_and_its_remake_lead_to_each_other(lead_page, lead):
    part = make_part(name="Hub", code="26-301", category="completed")
    new = workflow.remake(part, actor=lead, reason="Bore too small.")
    text = lead_page.get(part.get_absolute_url()).text
    assert "<strong>Made wrong.</strong> Bore too small." in text
    assert f'href="{new.get_absolute_url()}">It is made again as 26-301-R2.</a>' in text
    text = lead_page.get(new.get_absolute_url()).text
    assert f'href="{part.get_absolute_url()}"' in text
    assert "Made again, instead of 26-301." in text
    workflow.trash(part, actor=lead)
    assert "instead of" not in lead_page.get(new.get_absolute_url()).text
