"""What is computed from measurements: percentiles, ratios, the gas floor, the simulation, tables and report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tpre_offchain.bench.offline import simulation
from tpre_offchain.bench.offline.crypto import PEER, flows, measure
from tpre_offchain.bench.offline.flow import ACTORS, STEPS, Flow, path_ms
from tpre_offchain.bench.offline.our_flow import OurFlow
from tpre_offchain.bench.offline.paper_flow import PaperFlow
from tpre_offchain.bench.offline.umbral_flow import UmbralFlow, is_installed
from tpre_offchain.bench.online import gas_floor
from tpre_offchain.bench.report import report, table1, tables
from tpre_offchain.bench.shapes import Shape
from tpre_offchain.bench.timing import Stopwatch, percentile, summary
from tpre_offchain.crypto.curve import available_backends

NATIVE = [name for name in available_backends() if name != "py_ecc"]
FLOWS: list[Flow] = [*map(OurFlow, NATIVE), *map(PaperFlow, NATIVE)]


def test_percentile__known_values__is_the_nearest_rank() -> None:
    values = list(range(1, 201))
    assert [percentile(values, p) for p in (50, 95, 99, 100)] == [100, 190, 198, 200]
    assert percentile([7.0], 99) == 7.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_summary__values_out_of_order__tells_least_and_greatest() -> None:
    found = summary([3.0, 1.0, 2.0])
    assert (found["min"], found["p50"], found["max"], found["count"]) == (1.0, 2.0, 3.0, 3)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_flow__whole_path__times_its_steps_once_for_each_actor(flow: Flow) -> None:
    shape, watch = Shape(2, 3, 2), Stopwatch()
    flow.run(shape, watch)
    assert set(watch.samples) <= set(STEPS)
    assert len(watch.samples["reencrypt"]) == shape.threshold
    if isinstance(flow, OurFlow):
        assert {step: len(taken) for step, taken in watch.samples.items() if step != "capsule_check"} == {
            step: actors(shape) for step, actors in ACTORS.items() if step != "capsule_check"
        }


@pytest.mark.skipif(not is_installed(), reason="umbral-pre is not installed (make bench)")
def test_umbral_flow__whole_path__does_the_same_job() -> None:
    watch = Stopwatch()
    UmbralFlow().run(Shape(2, 3, 2), watch)
    assert set(watch.samples) == set(STEPS) - {"rekey_verify", "combine"}


def test_measure__peer_there__gives_ratios_of_what_both_do() -> None:
    found = measure([Shape(1, 2)], 1, flows(NATIVE[:1]))
    (shape,) = found["shapes"]
    ours = shape["ms"][f"tpre/{NATIVE[0]}"]
    assert ours["open"] == pytest.approx(ours["combine"] + ours["decrypt"], abs=0.001)
    if PEER in shape["ms"]:
        ratios = shape["ratios"][f"tpre/{NATIVE[0]}"]
        assert "combine" not in ratios
        assert ratios["open"] == pytest.approx(ours["open"] / shape["ms"][PEER]["open"], rel=0.01)
    json.dumps(found)


def test_path__every_step_a_millisecond__counts_the_actors() -> None:
    assert path_ms(Shape(3, 5), dict.fromkeys(STEPS, 1.0)) == 4 + 5 + 3 * 3 + 2


@pytest.mark.parametrize(("points", "gas"), [(1, 12_000), (2, 22_776), (128, 797_184), (200, 1_245_600)])
def test_g1_msm__known_sizes__is_the_price_of_eip_2537(points: int, gas: int) -> None:
    assert gas_floor.g1_msm(points) == gas


def test_gas_floor__bigger_in_every_way__is_higher() -> None:
    base = gas_floor.conversion(Shape(3, 5, 1))
    assert gas_floor.pairing(2) == 102_900
    assert base > gas_floor.pairing(2) + 6 * gas_floor.TRANSACTION
    assert min(gas_floor.conversion(s) for s in (Shape(4, 5, 1), Shape(3, 7, 1), Shape(3, 5, 2))) > base


def test_simulate__same_seed__same_figures_and_more_load_breaks_the_chain_first() -> None:
    small, large = simulation.Workload(), simulation.Workload(conversions_a_day=10_000_000_000)
    calibration = simulation.Calibration(round_gas=1_000_000, proxy_ms=10.0, rpc_calls=3.0)
    found = simulation.simulate(calibration, small, 1)
    assert found == simulation.simulate(calibration, small, 1)
    assert found["chains"][2]["latency_s"]["p50"] > 3 * found["chains"][2]["block_s"]
    crushed = simulation.simulate(calibration, large, 1)["chains"]
    assert all(chain["latency_s"] is None and chain["load"] > 1 for chain in crushed)


def test_calibrate__shape_not_measured__says_which() -> None:
    with pytest.raises(simulation.NotCalibrated, match="gas was not measured"):
        simulation.calibrate({"gas": {"rows": []}}, simulation.Workload())


def test_table__markdown__has_as_many_cells_as_columns() -> None:
    lines = tables.Table("t", ["a", "b"], [["1", "2"]]).markdown().splitlines()
    assert {line.count("|") for line in lines[2:]} == {3}


def test_report__kept_figures__is_benchmarks_md(project_root: Path) -> None:
    files = sorted((project_root / "tests/bench/results").glob("*.json"))
    assert files
    text = report.render([json.loads(file.read_text()) for file in files])
    assert text == (project_root / "BENCHMARKS.md").read_text(), "run `tpre bench report` again"


@pytest.mark.parametrize("row", table1.ROWS, ids=lambda row: row[0])
def test_table1__evidence__is_a_test_that_exists(row: tuple[str, ...], project_root: Path) -> None:
    path, _, name = row[3].partition("::")
    assert f"def {name}(" in (project_root / path).read_text()
