"""A compiled pass is the pass, up to rounding; what gains nothing by it, or cannot be compiled, stays as it is."""

from __future__ import annotations

import copy
import gc
import os
import shutil
import subprocess
import sys
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import unbraid as ub
from tests.models import Digits, rows_of
from unbraid.capture import captures, trial
from unbraid.capture.line import Line, Name
from unbraid.capture.native import drawn_before, native
from unbraid.capture.recorder import Recorder
from unbraid.capture.trial import AFTER, Trial, timed

ROWS = 6
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, (os.environ.get("CXX", ""), "g++", "clang++"))), reason="no C++ compiler is here"
)


def step(model: ub.Model, x: Tensor, labels: dict[str, Tensor], seed: int) -> Tensor:
    model.zero_grad()
    torch.manual_seed(seed)
    loss: Tensor = model.objective(x, labels, generator=torch.Generator().manual_seed(seed)).loss
    loss.backward()
    return loss.detach()


def compiling(model: ub.Model) -> tuple[ub.Model, ub.Model]:
    """Returns a model whose passes are compiled, and one of the same weights whose passes are as they are written."""
    other = copy.deepcopy(model)
    model.captures.compile, other.captures.enabled = True, False
    return model, other


@needs_compiler
@pytest.mark.parametrize("kind", ["Digits", "Dropping"])
def test_a_compiled_pass_is_the_pass(kind: str) -> None:
    # In a process of its own: the compiler cannot look through the checks of shapes that the tests add to unbraid.
    command = [sys.executable, "-W", "error", "-m", "tests.capture.compiled", kind]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[1] == "compiled: 1000.00 ms compiled, 2000.00 ms as it is"


def passes(monkeypatch: pytest.MonkeyPatch, native: Any, seconds: tuple[float, float]) -> ub.Model:
    """Runs a model beside its twin, with another compiler and clock, and compares them bit for bit."""
    monkeypatch.setattr(captures, "native", native)
    monkeypatch.setattr(trial, "timed", lambda forms, tensors: (forms[1], seconds)[1])
    model, other = compiling(Digits())
    x = rows_of(model, ROWS)
    for seed in range(AFTER + 4):
        assert torch.equal(step(model, x, {}, seed), step(other, x, {}, seed))
    return model


def test_what_is_slower_compiled_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    model = passes(monkeypatch, lambda *_: pytest.fail, seconds=(1.0, 1.5))
    assert str(model.captures) == "kinds of pass captured: 1\nnot compiled: 1500.00 ms compiled, 1000.00 ms as it is"


def test_a_failure_of_the_compiler_is_said_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_compiler(*_: Any) -> Any:
        raise RuntimeError("no C++ compiler was found\nlook for one")

    model = passes(monkeypatch, no_compiler, seconds=(1.0, 0.5))
    assert str(model.captures).splitlines()[1] == "not compiled: RuntimeError: no C++ compiler was found"


def test_what_is_run_seldom_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "native", lambda *_: pytest.fail("compiled"))
    model, _ = compiling(Digits())
    x = rows_of(model, ROWS)
    for seed in range(4):
        step(model, x, {}, seed)
    assert str(model.captures).splitlines()[1] == f"not compiled: to be run {AFTER - 2} times before"
    with torch.no_grad():
        for _ in range(AFTER + 4):
            model.objective(x)  # evaluation is never compiled
    assert len(model.captures.trials) == 1


def test_a_pass_that_waits_to_be_compiled_keeps_no_tensor_of_its_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[Recorder]] = []

    class Watched(Recorder):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(weakref.ref(self))

    monkeypatch.setattr(captures, "Recorder", Watched)
    model, _ = compiling(Digits())
    for seed in range(2):
        step(model, rows_of(model, ROWS), {}, seed)
    gc.collect()
    assert [recorder() for recorder in made] == [None]
    assert len(model.captures.trials) == 1


def test_timing_changes_nothing() -> None:
    weight, running = nn.Parameter(torch.ones(3)), torch.zeros(3)

    def run(generator: torch.Generator, weight: Tensor, running: Tensor) -> tuple[Tensor]:
        running.add_(torch.rand(3) + torch.rand(3, generator=generator))
        return ((weight * running).sum(),)

    before = torch.get_rng_state()
    seconds = timed((run, run), (weight, running))
    assert weight.grad is None
    assert torch.equal(running, torch.zeros(3))
    assert torch.equal(torch.get_rng_state(), before)
    assert min(seconds) > 0


def test_a_trial_runs_the_form_that_gained() -> None:
    plain, fast = (lambda *_: (torch.zeros(()),)), (lambda *_: (torch.ones(()),))
    each = Trial(plain, lambda: fast)
    for _ in range(AFTER - 1):
        assert each(None, torch.zeros(1))[0] == 0
    assert each(None, torch.zeros(1))[0] == each.gained


def test_draws_go_before_with_all_that_they_depend_on() -> None:
    lines = [
        Line(torch.exp, (Name("p0"),), {}, Name("odds")),
        Line(torch.relu, (Name("x0"),), {}, Name("h")),
        Line(torch.empty, (3,), {}, Name("noise")),
        Line(Tensor.uniform_, (Name("noise"),), {"generator": Name("generator")}, None),
        Line(Tensor.add_, (Name("h"), 1), {}, None),
        Line(torch.bernoulli, (Name("odds"),), {}, Name("bits")),
        Line(torch.mul, (Name("bits"), Name("h")), {}, Name("y")),
        Line(Tensor.mul_, (Name("noise"), 2), {}, None),
        Line(torch.add, (Name("y"), Name("noise")), {}, Name("z")),
    ]
    before, after = drawn_before(lines)
    assert before == [lines[i] for i in (0, 2, 3, 5)]
    assert after == [lines[i] for i in (1, 4, 6, 7, 8)]


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated")  # by what torch imports there
@pytest.mark.parametrize(("kind", "mode"), [("cpu", "default"), ("cuda", "reduce-overhead")])
def test_a_gpu_gets_graphs_whose_results_are_kept(kind: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = torch.zeros(3)

    def compiled(run: Any, **options: Any) -> Any:
        assert options["mode"] == mode
        return lambda x: (result.copy_(x),)

    monkeypatch.setattr(torch, "compile", compiled)
    double = [Line(torch.mul, (Name("x0"), 2), {}, Name("y"))]
    run = native(double, ("generator", "x0"), (Name("y"),), torch.device(kind))
    first, second = run(None, torch.ones(3))[0], run(None, torch.zeros(3))[0]
    assert torch.equal(second, torch.zeros(3))
    assert torch.equal(first, torch.ones(3)) == (kind == "cuda")


def test_a_training_compiles_if_it_is_asked_to() -> None:
    for asked in (True, False):
        model = Digits()
        ub.fit(model, rows_of(model, 8), epochs=1, batch_size=4, compile=asked, progress="quiet")
        assert model.captures.compile is asked
        assert copy.deepcopy(model).captures.compile is asked
