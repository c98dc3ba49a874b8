import subprocess
import sys

import pytest
from helpers.prepared_folders import digests
from helpers.sharded_folders import STYLE, make_shards, records, source_folders

from animegan3_tf.common.errors import UserError
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import style_targets, target_name

beam = pytest.importorskip("apache_beam", reason="Apache Beam is not installed (the extra: make EXTRAS=dev,beam test)")

from animegan3_tf.data.beam import on_beam  # noqa: E402  (it needs Beam)


@pytest.fixture
def folders(tmp_path):
    return source_folders(tmp_path / "data")


@pytest.mark.slow
def test_the_pipeline_writes_the_folder_path_s_targets_and_the_processes_bytes(folders, tmp_path):
    report = make_shards(folders, tmp_path / "beam", on_beam("DirectRunner"))
    assert (report.written, report.current, report.rejected) == (8, 0, {})
    stages = style_targets(STYLE, *folders)
    prepare(stages)
    for folder, kinds in (("photo", ("superpixel", "l0")), ("tiny/style", ("smooth",))):
        made = records(tmp_path / "beam" / folder)
        assert len(made) == (5 if folder == "photo" else 3)
        for record in made:
            for stage in (stage for stage in stages if stage.name in kinds):
                target = stage.target / target_name(record["name"].decode())
                assert record[stage.name] == target.read_bytes(), target
    make_shards(folders, tmp_path / "processes")
    assert digests(tmp_path / "beam") == digests(tmp_path / "processes")


@pytest.mark.slow
def test_beam_s_options_reach_it(folders, tmp_path):
    """Two processes of Beam's, which write the same bytes."""
    options = "--direct_num_workers=2 --direct_running_mode=multi_processing"
    make_shards(folders, tmp_path / "beam", on_beam("DirectRunner", options))
    make_shards(folders, tmp_path / "processes")
    assert digests(tmp_path / "beam") == digests(tmp_path / "processes")


def test_sources_that_cannot_be_used_are_left_out_by_name(folders, tmp_path):
    (folders[0] / "b.jpg").write_bytes(b"broken")
    report = make_shards(folders, tmp_path / "beam", on_beam())
    assert report.written == 7
    assert list(report.rejected) == [folders[0] / "b.jpg"]


def test_nothing_to_do_starts_no_pipeline(folders, tmp_path, monkeypatch):
    make_shards(folders, tmp_path / "beam")
    monkeypatch.setattr(beam, "Pipeline", None)
    assert make_shards(folders, tmp_path / "beam", on_beam()).current == 8


def test_what_a_worker_cannot_write_is_one_line(folders, tmp_path, caplog):
    (tmp_path / "beam" / "photo" / "pictures-00001-of-00003.tfrecord").mkdir(parents=True)
    with pytest.raises(UserError, match=r"failed on DirectRunner: .*00001-of.* cannot be written \(Is a dir") as caught:
        make_shards(folders, tmp_path / "beam", on_beam())
    assert "\n" not in str(caught.value)
    assert "Traceback" not in caplog.text


def test_an_interrupt_is_one(folders, tmp_path, monkeypatch):
    """Beam wraps what is raised in a worker; Ctrl-C must not become a failure."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("animegan3_tf.data.shards.open_record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_shards(folders, tmp_path / "beam", on_beam())


@pytest.mark.parametrize(
    ("runner", "options", "words"),
    [
        ("FlinkyRunner", "", "--runner 'FlinkyRunner' cannot be used: Unexpected pipeline runner"),
        ("DirectRunner", "--direct_num_workers=x", "are refused: argument --direct_num_workers: invalid int value"),
        ("DirectRunner", "'", "cannot be split into words"),
    ],
)
def test_what_beam_refuses_is_one_line(runner, options, words):
    with pytest.raises(UserError, match=words) as caught:
        on_beam(runner, options)
    assert "\n" not in str(caught.value)


def test_without_beam_the_way_to_it_is_named(monkeypatch):
    monkeypatch.setattr("animegan3_tf.data.beam.beam", None)
    with pytest.raises(UserError, match=r"FlinkRunner needs Apache Beam, .* pip install 'animegan3_tf\[beam\]'"):
        on_beam("FlinkRunner")


def test_beam_is_loaded_for_a_runner_only(folders, tmp_path):
    code = (
        "import sys; from animegan3_tf.cli import main\n"
        f"sys.argv = ['animegan3', 'prepare', '--style', 'demo', '--photos', {str(folders[0])!r}, "
        f"'--anime', {str(folders[1])!r}, '--jobs', '1', '--shards', {str(tmp_path / 'out')!r}]\n"
        "try: main()\n"
        "except SystemExit: print([m for m in ('apache_beam', 'tensorflow') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.stdout == "8 images written, 0 current, 0 images rejected\n[]\n"
