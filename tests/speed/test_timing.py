from animegan3_tf.comparison.speed import Timing, ratios, take_turns


def test_runs_take_turns_and_the_order_turns_round():
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in "abc"}
    timings = take_turns(runs, rounds=3, after=lambda name: calls.append(name.upper()))
    assert "".join(calls) == "aAbBcCcCbBaAaAbBcC"
    assert {len(timing.seconds) for timing in timings.values()} == {3}


def test_a_timing_tells_its_median_and_spread():
    timing = Timing((0.5, 0.125, 0.25))
    assert timing.median == 0.25
    assert timing.to_dict() == {"ms": 250.0, "ms_low": 125.0, "ms_high": 500.0, "calls_ms": [500.0, 125.0, 250.0]}


def test_ratios_compare_runs_of_one_round():
    assert ratios(Timing((6.0, 3.0)), Timing((2.0, 0.5))) == (3.0, 6.0)
