"""A page renewed in place ends as the server sent it, whatever happened to it."""

from pathlib import Path

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("live")]

MORPH = Path(__file__).parents[2] / "static" / "js" / "morph.js"
PAGES = Path(__file__).with_name("random_pages.js")
SEEDS = 200


@pytest.mark.parametrize("is_used", [False, True], ids=["untouched", "used"])
def test_random_pages_become_what_was_sent(chromium, is_used):
    page = chromium.new_page()
    words = 'import { gettext } from "./words.js";'
    source = MORPH.read_text()
    assert words in source
    modules = {
        "morph": source.replace(words, "const gettext = (text) => text;"),
        "pages": PAGES.read_text(),
    }
    wrong = page.evaluate(
        """async ({ modules, seeds, isUsed }) => {
          const load = (text) =>
            import(`data:text/javascript,${encodeURIComponent(text)}`);
          const [morph, { wrongWith }] =
            await Promise.all([load(modules.morph), load(modules.pages)]);
          for (let seed = 1; seed <= seeds; seed++) {
            const wrong = wrongWith(morph, seed, isUsed);
            if (wrong) return wrong;
          }
          return null;
        }""",
        {"modules": modules, "seeds": SEEDS, "isUsed": is_used},
    )
    page.close()
    assert wrong is None
