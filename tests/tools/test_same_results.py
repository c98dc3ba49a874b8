import json

import numpy as np
import same_results

from animegan3_tf.common.images import write_image


def test_numbers_and_pixels_that_differ_are_named_and_times_are_not(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    image = np.full((16, 16, 3), 90, np.uint8)
    for place, seconds, rate in ((before, 1.5, 0.25), (after, 2.5, 0.5)):
        write_image(place / "same.png", image)
        write_image(place / "other.png", image + np.uint8(place == after))
        (place / "times.json").write_text(json.dumps({"seconds": seconds, "images_per_s": seconds, "kept": [1]}))
        (place / "report.json").write_text(json.dumps({"results": [{"generated": rate}]}))
        (place / "page.html").write_text(str(seconds))
    (after / "new.csv").write_text("a")
    found = list(same_results.differences(before, after, text=False))
    assert found == ["new.csv is missing with the first", "other.png differs", "report.json differs"]
    assert "page.html differs" in same_results.differences(before, after, text=True)
