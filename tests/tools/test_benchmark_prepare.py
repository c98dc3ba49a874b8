import json

import benchmark
import pytest


@pytest.mark.slow
def test_the_command_compares_jobs_and_upstreams_way(tmp_path, capsys):
    report = tmp_path / "report.json"
    options = ["--count", "4", "--size", "32", "--jobs", "2", "--rounds", "2", "--json", str(report)]
    assert benchmark.main(["prepare", *options]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    result = json.loads(report.read_text())
    ways = result["ways"]
    assert list(ways) == ["one job", "2 jobs", "upstream's way"]
    for name, ratio in (("2 jobs over one job", "scaling"), ("2 jobs over upstream's way", "over_upstream")):
        slower = ways[name.partition(" over ")[2]]["rate"]["rounds"]
        expected = [b / a for a, b in zip(slower, ways["2 jobs"]["rate"]["rounds"])]
        assert result[ratio]["rounds"] == pytest.approx(expected)
        assert len(expected) == 2
        assert f"{name}: {result[ratio]['median']:.2f} times" in printed
    assert all(way["cpu_ms"]["low"] > 0 for way in ways.values())


def test_a_folder_without_pictures_is_one_line(tmp_path, capsys):
    assert benchmark.main(["prepare", "--photos", str(tmp_path)]) == 1
    assert "holds no images" in capsys.readouterr().err
