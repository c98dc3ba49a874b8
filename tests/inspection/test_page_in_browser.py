"""The page as a browser shows it: no error on its console, every section in sight, at a desk's width and a phone's."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest
from helpers.data_sets import data_set
from helpers.tiny_training import tiny_style

from animegan3_tf.inspection.inspect import inspect
from animegan3_tf.reports.data import write_inspection_page

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
# what the page itself must not have: it measures, and leaves what it found in the document
PROBE = """<script>
const box = e => { const b = e.getBoundingClientRect(); return [b.width, b.height] };
document.body.dataset.found = JSON.stringify({
  sections: Object.fromEntries([...document.querySelectorAll("section")].map(s => [s.id, box(s)])),
  pictures: [...document.images].map(i => i.naturalWidth),
  charts: [...document.querySelectorAll("figure > svg")].map(box),
  width: [document.documentElement.scrollWidth, innerWidth],
});
</script>"""

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome on the PATH")


def opened(path, profile, width=1200):
    """The document after loading, and what the browser wrote to its console."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    command += [f"--window-size={width},900", "--enable-logging=stderr", "--v=0", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.slow
def test_a_browser_shows_every_section_and_reports_no_error(tmp_path):
    folders = data_set(tmp_path / "data")
    page, probed, faulty = (tmp_path / f"{name}.html" for name in ("page", "probed", "faulty"))
    write_inspection_page(inspect(tiny_style(), *folders), page)
    probed.write_text(page.read_text().replace("</body>", PROBE + "</body>"))
    faulty.write_text(page.read_text().replace("</body>", "<script>absent()</script></body>"))
    assert opened(page, tmp_path / "profile")[1] == []
    assert opened(faulty, tmp_path / "profile")[1] != []  # that errors would be seen
    for width in (1200, 500):
        document, errors = opened(probed, tmp_path / "profile", width)
        found = json.loads(unescape(re.search(r'data-found="(.*?)"', document).group(1)))
        assert errors == []
        assert list(found["sections"]) == [
            "warnings", "counts", "brightness", "colours", "rejected", "duplicates", "examples",
        ]  # fmt: skip
        assert all(w > 300 and h > 30 for w, h in found["sections"].values())
        assert len(found["pictures"]) == 1 + 7 + 4
        assert min(found["pictures"]) > 100
        assert len(found["charts"]) == 4
        assert found["width"][0] <= found["width"][1]  # nothing to scroll sideways
