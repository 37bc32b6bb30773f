"""digitnet in Python: its example, scikit-learn's interface, and the same as at the prompt."""

import pickle
import re
import subprocess
import sys
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from session_helpers import do, shown

import digitnet as dn
from digitnet import estimator
from digitnet.engine.report import Stopped
from digitnet.engine.run import Status
from digitnet.registry.exchange import export_network
from digitnet.registry.files import RegistryError
from digitnet.repl.session import NonInteractive, Session


@pytest.fixture(autouse=True)
def own_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITNET_SAVES", str(tmp_path / "saves"))


def test_the_example() -> None:
    net = dn.network("784-100-10", seed=1)
    train, test = dn.data("sample")
    told: list[object] = []
    sets = {"validation": test, "report": told.append}
    assert net.fit(train.x, train.y, epochs=3, **sets) is net
    assert told
    assert net.check(test.x[0]).guess == net.predict(test.x[:1])[0]
    assert net.score(test.x, test.y) > 0.9
    np.testing.assert_array_equal(net.predict(test.x), net.predict_proba(test.x).argmax(axis=1))
    net.save("first")
    np.testing.assert_array_equal(dn.load("first").predict(test.x), net.predict(test.x))
    assert "first" in dn.saves()
    assert dir(dn) == dn.__all__
    stub = Path(dn.__file__ or "").with_suffix(".pyi").read_text(encoding="utf-8")
    assert sorted(re.findall(r" as (\w+)", stub)) == sorted(dn.__all__)  # for type checkers
    with pytest.raises(RegistryError):
        dn.load("second")
    assert net.why(test.x[0], test.y[0]).outputs.argmax() == net.predict(test.x[:1])[0]
    assert net.doctor(train.x, train.y, (test.x, test.y)) == []


def test_each_member_of_a_committee_is_examined(session: Session) -> None:
    lines = "n 784-9-10; t 500; pas a; n 784-9-10; pas b; vote a a b; pas both; doctor"
    told = do(session, lines)[-1]["findings"]
    data = dn.data("sample")
    validation = data.validation.x, data.validation.y
    found = dn.load("both").doctor(data.train.x, data.train.y, validation)
    assert [finding.evidence for finding in found] == [finding["evidence"] for finding in told]
    assert found[-1].evidence.startswith("member 3: ")


def test_a_table_of_64_columns_is_not_judged_as_pictures() -> None:
    rng, y = np.random.default_rng(1), np.arange(300) % 3
    x = rng.normal(size=(300, 64)) + 3 * np.eye(64)[y]
    validation = x[200:], y[200:]
    net = dn.network("64-16-3", seed=1).fit(x[:200], y[:200], epochs=5, validation=validation)
    assert net.doctor(x[:200], y[:200], validation) == []


@pytest.mark.parametrize("shape", ["784-100-10", "quick", "diary"])
def test_fit_is_t_to_the_bit(shape: str, session: Session) -> None:
    data = dn.data("sample")
    net = dn.network(shape, seed=3, cases=500).fit(
        data.train.x, data.train.y, epochs=2, validation=(data.validation.x, data.validation.y)
    )
    do(session, f"set seed 3; n {shape}; set cases 500; t 2e")
    of = (model.network.parameters for model in (net._there(), session.network()))
    for mine, theirs in zip(*of, strict=True):
        np.testing.assert_array_equal(mine.value, theirs.value)


def test_after_fit_what_was_measured_before_is_not_said_and_of_other_cases_that_they_are_unknown(
    session: Session,
) -> None:
    do(session, "n 784-9-10; t 50; ch all; pas a")
    x, y = dn.data("sample").test.x, dn.data("sample").test.y
    dn.load("a").fit(x, (y + 1) % 10, epochs=1).save("b")
    train = dn.data("sample").train
    dn.load("a").fit(train.x[:99], train.y[:99], epochs=1).save("c")
    assert do(session, "l c; i")[1]["trained_on"] == ["sample"]
    dn.network("784-9-10", epochs=0).fit(x, y).save("d")
    assert do(session, "l d; i")[1]["data"] is None
    assert "right on" not in shown(session, "l b")
    checked, about = do(session, "ch all; i")
    assert checked["seen_in_training"] is None
    assert about["trained_on"] == ["sample", "Python"]
    assert about["measured_on"] == "sample test, perhaps seen in training"
    assert "perhaps seen in training" in shown(session, "p; l b", width=200)
    assert "these may be among them" in shown(session, "ch all; wrong; cm; vote a b")


REFUSED = {
    "y has shape": lambda x, y: {"validation": (x, y[:3])},
    "X has 9 features": lambda x, y: {"validation": (x[:, :9], y)},
    "does not know": lambda x, y: {"validation": (x, y + 1)},
}


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("said", REFUSED)
def test_a_fit_that_is_refused_changes_nothing(
    said: str, warm_start: bool, session: Session
) -> None:
    train, test = dn.data("sample")
    x, y = train.x[:500], train.y[:500]
    net = dn.network("784-9-10", warm_start=warm_start, epochs=1)
    with pytest.raises(ValueError, match=said):
        net.fit(x, y, **REFUSED[said](x, y))
    with pytest.raises(ValueError, match="no weights yet"):
        net.predict(test.x)
    with pytest.raises(ValueError, match="y has shape"):
        net.partial_fit(x, y[:4])
    with pytest.raises(ValueError, match="no weights yet"):
        net.predict(test.x)
    do(session, "n 784-9-10; set average 0.9; t 9; ch all; pas a")
    net = dn.load("a").set_params(warm_start=warm_start, average=0)
    before, model = net.predict_proba(test.x), net._there()
    with pytest.raises(ValueError, match=said):
        net.fit(x + 0, y, **REFUSED[said](x, y))
    np.testing.assert_array_equal(net.predict_proba(test.x), before)
    assert net._there() is model
    assert (model.trained_on, model.accuracy is None) == (["sample"], False)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_in_a_report_and_ctrl_c_keep_what_was_learnt(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = dn.data("sample")

    def fail(done: object, *_: object) -> None:
        if not isinstance(done, Status) or done.batches > 400:
            raise error

    net = dn.network("784-20-10")
    with pytest.raises(error):
        net.fit(train.x, train.y, report=fail)
    assert (before := net.score(test.x, test.y)) > 0.5
    monkeypatch.setattr(estimator, "run", fail)  # before a mini-batch
    with pytest.raises(error):
        net.fit(train.x, train.y)
    assert net.score(test.x, test.y) == before


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_training_that_diverges_is_warned_of(warm_start: bool) -> None:
    train, test = dn.data("sample")
    net = dn.network("784-9-10", average=0).fit(train.x, train.y, epochs=2)
    before = net.predict_proba(test.x)
    net.set_params(rate=1e4, warm_start=warm_start)
    with pytest.warns(UserWarning, match="training blew up; the last good weights"):
        net.fit(train.x, train.y)
    assert np.array_equal(net.predict_proba(test.x), before) == warm_start


def test_a_report_can_end_a_training_and_a_load_goes_on() -> None:
    train, _ = dn.data("sample")

    def stop(_: object) -> None:
        raise Stopped

    net = dn.network("784-20-10").fit(train.x, train.y, report=stop)
    done = net._there().trainer.progress.batches
    net.save("short")
    assert dn.load("short").fit(train.x, train.y, epochs=1)._there().trainer.progress.batches > done
    assert (
        dn.load("short").fit(train.x, train.y, epochs=0)._there().trainer.progress.batches == done
    )


def test_changed_settings_hold_in_the_next_fit_and_a_copy_of_a_load_has_its_settings() -> None:
    train, _ = dn.data("sample")
    numbers = {"rate": np.float64(0.5), "batch": np.int64(64)}  # as scikit-learn's searches give
    net = dn.network("784-9:tanh-10", cost="squared", average=0, epochs=1, **numbers)
    net.fit(train.x, train.y).save("a")
    loaded = dn.load("a")
    before = loaded.predict_proba(train.x)
    loaded.set_params(rate=1e-9).fit(train.x, train.y)
    np.testing.assert_allclose(loaded.predict_proba(train.x), before, atol=1e-5)
    again = dn.network(**dn.load("a").get_params()).fit(train.x, train.y, epochs=1)
    np.testing.assert_array_equal(again.predict_proba(train.x), before)
    dn.network("784-9-10", bias=False).fit(train.x, train.y, epochs=0).save("b")
    again = dn.network(**dn.load("b").get_params()).fit(train.x, train.y, epochs=0)
    assert len(again._there().network.parameters) == 2
    again = dn.network("quick", bias=False).fit(train.x, train.y, epochs=0)
    assert len(again._there().network.parameters) == 2
    again.rate = 1e-9
    again.fit(train.x, train.y, epochs=0).save("c")
    assert dn.load("c").rate == 1e-9  # type: ignore[attr-defined]


def test_a_fit_that_is_refused_leaves_a_committee_as_it_was(session: Session) -> None:
    do(session, "n 784-9-10; t 9; pas a; vote a a; ch all; pas both")
    both, (train, _) = dn.load("both"), dn.data("sample")
    with pytest.raises(ValueError, match="a committee cannot be trained"):
        both.fit(train.x, train.y)
    assert both._there().accuracy is not None
    assert both._there().trained_on == ["sample"]


@pytest.mark.parametrize("answers", [[0, 1], ["off", "on"], [False, True]])
@pytest.mark.parametrize("shape", ["xor", "2-9:tanh-1", "*-9:tanh-*"])
def test_two_answers_have_two_probabilities_also_of_a_single_output(
    shape: str, answers: list[object]
) -> None:
    data = dn.data("xor").train
    y = np.array(answers)[data.y]
    settings = {"rate": 0.05, "optimizer": "adam", "average": 0, "batch": "all"}
    net = dn.network(shape, epochs=300, **settings).fit(data.x, y)
    assert net.classes_.tolist() == answers
    np.testing.assert_array_equal(net.classes_[net.predict_proba(data.x).argmax(axis=1)], y)
    np.testing.assert_allclose(net.predict_proba(data.x).sum(axis=1), 1, rtol=1e-6)
    assert net.score(data.x, y) == 1


@pytest.mark.parametrize("shape", ["784-9-10", "28x28-8c5-p2-20-10"])
def test_threads_may_ask_at_once(shape: str) -> None:
    train, test = dn.data("sample")
    net = dn.network(shape, average=0, seed=None).fit(train.x[:500], train.y[:500], epochs=1)
    cases = [test.x[first : first + 40] for first in range(0, 1000, 40)] * 4
    expected = [net.predict_proba(x) for x in cases]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(net.predict_proba, cases))
        answers = threads.map(lambda x: net.why(x[0]).outputs, cases)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(list(answers), np.array(expected)[:, 0], atol=1e-5)


@pytest.mark.skipif(sys.platform == "win32", reason="has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_while_another_thread_asks_can_ask() -> None:
    train, _ = dn.data("sample")
    net = fitted(train.x[:50], train.y[:50])
    with estimator._asking:
        child = get_context("fork").Process(target=net.predict, args=(train.x,), daemon=True)
        child.start()
    child.join(20)
    assert child.exitcode == 0


def test_answers_of_any_kind_bytes_and_pictures() -> None:
    x = np.repeat(np.array([[0, 255], [255, 0]], np.uint8), 40, axis=0).reshape(80, 1, 2)
    y = np.repeat(["left", "right"], 40)
    net = dn.Network("*-8-*", epochs=20).fit(x, y)
    assert set(net.predict(x)) == {"left", "right"}
    assert net.score(x, y) == 1
    assert pickle.loads(pickle.dumps(net)).score(x, y) == 1
    y[0] = "up"  # which it cannot answer
    assert net.score(x, y) == 1 - 1 / 80


class Frame(np.ndarray):
    """An array that has names of columns, as pandas's data frames have."""

    columns: list[str]


def framed(x: np.ndarray, *columns: str) -> Frame:
    frame = x.view(Frame)
    frame.columns = list(columns)
    return frame


def test_columns_in_another_order_are_refused() -> None:
    x, y = np.eye(3)[np.arange(30) % 3], np.arange(30) % 3
    net = dn.Network("*-8-*").fit(framed(x, "a", "b", "c"), y)
    assert net.feature_names_in_.tolist() == ["a", "b", "c"]
    for ask in (net.predict, lambda x: net.score(x, y), lambda x: net.partial_fit(x, y)):
        ask(framed(x, "a", "b", "c"))
        ask(x)
        with pytest.raises(ValueError, match="names should match those that were passed"):
            ask(framed(x, "c", "b", "a"))
    net.fit(x, y)
    assert not hasattr(net, "feature_names_in_")


def fitted(x: np.ndarray, y: np.ndarray) -> dn.Network:
    return dn.network("784-9-10", warm_start=True).fit(x, y, epochs=1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x, y: dn.network("784-9-10").fit(x, y[:5]), "y has shape"),
        (lambda x, y: dn.network("784-9-10").fit(x * np.nan, y), "NaN.*more than float32 holds"),
        (lambda x, y: dn.network("99-9-10").fit(x, y), "does not fit"),
        (lambda x, y: dn.network("784-9-10", rate=-1).fit(x, y), "rate must be above 0"),
        (lambda x, y: dn.network("784-9-10", ratte=1), "not a parameter"),
        (lambda x, y: dn.network("784-9-10").predict(x), "no weights yet"),
        (lambda x, y: dn.network("784-9-10").fit(x, np.array(["even", "odd"])[y % 2]), "2 classes"),
        (lambda x, y: dn.network("784-9-10", epochs=-3).fit(x, y), "0 or more, not -3"),
        (lambda x, y: dn.network("784-9-10", epochs=np.inf).fit(x, y), "0 or more, not inf"),
        (lambda x, y: dn.network("784-9-10", epochs=None).fit(x, y), "0 or more, not None"),
        (lambda x, y: dn.network("784-9-10", seed=1.5).fit(x, y), "seed is a whole number"),
        (lambda x, y: dn.network("784-9-10", seed=-1).fit(x, y), "seed is a whole number"),
        (lambda x, y: dn.network("784-9-10").fit(x[:0], y[:0]), r"0 sample\(s\)"),
        (lambda x, y: fitted(x, y).predict(x[:0]), r"0 sample\(s\)"),
        (lambda x, y: dn.Network().fit(x, ["a"] * len(x)), "y has one class, a"),
        (lambda x, y: fitted(x, y).check(x[0], "zzz"), "answers that the network does not know"),
        (lambda x, y: dn.read("nowhere.png"), "nowhere.png: No such file"),
        (lambda x, y: dn.network("784-9-10").fit(x, y, validation=(x, y[:5])), "y has shape"),
        (lambda x, y: dn.network("784-9-10").fit(x, y, validation=(x,)), "the target y is None"),
        (lambda x, y: fitted(x, y).score(x, None), "this requires y"),
        (lambda x, y: fitted(x, y).score(x, y[:, None]), "y has shape"),
        (lambda x, y: fitted(x, y).confusion(x[:10], y), "y has shape"),
        (lambda x, y: fitted(x, y).set_params(shape="784-8-10").fit(x, y), "shape was changed"),
        (lambda x, y: dn.data("nosuch"), "not a data set"),
        (lambda x, y: fitted(x, y).score(x, y + 10), "no answer that the network"),
        (lambda x, y: dn.network("*-9-*").fit(x, np.array(["even", "odd"])[y % 2]).save("a"),
         "answers 0 to 1, and these begin with .'even', 'odd'"),
        (lambda x, y: dn.network("*-9-*").fit(x, 3 * y + 1).save("a"), "fit it with np.unique"),
        (lambda x, y: dn.network("*-9-*").fit(x, y > 4).save("a"), "begin with .False, True"),
        (lambda x, y: dn.network("*-9-*").fit(x, np.where(y == y[0], None, y)), "are some missing"),
        (lambda x, y: fitted(x, y).partial_fit(x, y, np.arange(11)), "others than in the first"),
        (lambda x, y: fitted(x, y).set_params(rate=1).save("a"), "settings were changed"),
        (lambda x, y: fitted(x, y).set_params(cost="squared").save("a"), "cost was changed: begin"),
        (lambda x, y: dn.network("*-9-*", augment="light").fit(x[:, :16], y), "is for pictures"),
        (lambda x, y: dn.network("*-9-*", augment="light").fit(x - 1, y), "x holds none: a"),
        (lambda x, y: dn.network("*-9-*", pixels="raw").fit(x[:, :9], y), "set pixels unit"),
        (lambda x, y: fitted(x, y).save(" "), "a name has at least one character"),
        (lambda x, y: dn.read("x.png", dn.network("784-9-10")), "no weights yet"),
        (lambda x, y: x.__isub__(x.mean()), "read-only"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(wrong: object, said: str) -> None:
    train, _ = dn.data("sample")
    with pytest.raises(ValueError, match=said):
        wrong(train.x[:20], train.y[:20])  # type: ignore[operator]


@pytest.mark.filterwarnings(
    "ignore:Estimator Network does not inherit", "ignore:Skipping check", "ignore:x goes up to"
)
def test_scikit_learn_takes_it() -> None:
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    meant = {
        "check_do_not_raise_errors_in_init_or_set_params": "settings are keywords of their own",
        "check_supervised_y_2d": "answers are (cases,); (cases, 1) is refused, not guessed at",
    }
    results = checks.check_estimator(
        dn.Network(epochs=15), on_fail=None, on_skip=None, expected_failed_checks=meant
    )
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []


def test_results_show_themselves_in_a_notebook() -> None:
    """Each is well-formed, and says what it is of."""
    train, test = dn.data("sample")
    net = dn.network("784-10-10").fit(train.x[:500], train.y[:500], epochs=3)
    case = net.check(test.x[0], test.y[0])
    confusion = net.confusion(test.x, test.y)
    assert confusion.counts.sum() == len(test.y)
    assert np.trace(confusion.counts) == round(net.score(test.x, test.y) * len(test.y))
    findings = net.doctor(train.x[:100], train.y[:100], (test.x[:100], test.y[:100]))
    corner = f"<b>{confusion.counts[0, 0]}</b>"
    row = dn.network("4-3").fit(np.eye(4)[:3], [0, 1, 2], epochs=1).check([1, 0, 0, 0])
    assert row.picture.shape == (4,)
    words = dn.network("4-3").fit(np.eye(4)[:3], ["<b>", "<i>no", "&"], epochs=1)
    confused = words.confusion(np.eye(4)[:3], ["<b>", "<i>no", "&"])
    shown = {
        "words": (words.check([1, 0, 0, 0])._repr_html_(), "&lt;b&gt;", "<b>&lt;i&gt;no", "&amp;"),
        "words confused": (confused._repr_html_(), "&lt;b&gt;", "<th><b>&lt;i&gt;no</b></th>"),
        "row": (row._repr_html_(), "outputs"),
        "case": (case._repr_html_(), f"guess {case.guess}, answer {test.y[0]}", "data:image/png"),
        "curves": (net.history._repr_svg_(), "validation accuracy, %", "polyline"),
        "confusion": (confusion._repr_html_(), "answer \\ guess", corner),
        "why": (net.why(test.x[0])._repr_html_(), "softmax", "relu"),
        "doctor": (findings._repr_html_(), "evidence" if findings else "nothing was found"),
    }
    greys = []
    for picture in (case.picture, 16 * case.picture, np.uint8(255 * case.picture)):
        found = re.search('base64,([^"]*)', replace(case, picture=picture)._repr_html_())
        assert found
        greys.append(np.asarray(Image.open(BytesIO(b64decode(found[1])))))
    assert all(np.abs(grey.astype(int) - greys[0]).max() <= 1 for grey in greys[1:])
    for text, *words in shown.values():
        assert all(word in text for word in words)
        ElementTree.fromstring(f"<div>{text}</div>")


def test_reports_are_shown_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    train, _ = dn.data("sample")
    dn.network("784-9-10").fit(train.x[:500], train.y[:500], epochs=1, report=dn.show)
    assert re.search(r"\r100%  cost [0-9.]+  accuracy [0-9.]+%\n", capsys.readouterr().out)


def test_importing_it_loads_no_numpy() -> None:
    code = "import sys, digitnet; assert 'numpy' not in sys.modules; digitnet.Network"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_page_on_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    own, _ = page.split("## Weights elsewhere")
    for block in re.findall(r"```python\n(.*?)```", own, re.DOTALL):
        exec(block, names)
    accuracy, best, last = capsys.readouterr().out.splitlines()
    assert int(accuracy.rstrip("%")) >= 92
    assert best == "{'rate': 0.1}"
    assert last == "[(100,), (10,)] True"


def test_pixels_from_0_to_255_are_warned_of() -> None:
    _, test = dn.data("sample")
    nets = dn.load("ready"), dn.network("784-4-10").fit(test.x[:50], test.y[:50], epochs=1)
    for net in nets:
        with pytest.warns(
            UserWarning, match="x goes up to 255; weights are made for inputs of about 1"
        ):
            net.predict(test.x[:50] * 255)
        assert re.fullmatch(r"Digit\(guess=\d, \d+\.\d %\)", repr(net.check(test.x[0])))
    linear = dn.network("784-10:linear", cost="squared").fit(test.x, test.y, epochs=1)
    assert re.fullmatch(r"Digit\(guess=\d, \d\.\d{3}\)", repr(linear.check(test.x[0])))
    with pytest.warns(UserWarning, match="x goes up to 255") as warned:
        dn.load("ready").confusion(test.x[:50] * 255, test.y[:50])
    assert warned[0].filename == __file__


def test_large_inputs_are_warned_of_in_training() -> None:
    train, _ = dn.data("sample")
    x, y, net = np.round(train.x[:50] * 255), train.y[:50], dn.network("784-4-10", epochs=1)
    sixteenths, ages = np.round(train.x[:50] * 16), x[:, 400:402] + [0, 60]
    for large, other in ((x.astype(int), net), (x[:, ::4], None), (sixteenths, None), (ages, None)):
        with pytest.warns(UserWarning, match="x goes up to .* Scale them .pixels are bytes"):
            (other or dn.Network("*-4-10", epochs=1)).fit(large, y)
    net.fit(x.astype(np.uint8), y)  # warnings are errors
    for dark in (x > 99, x // 16):
        with pytest.warns(UserWarning, match="bytes are divided by 255, and these go up to 1"):
            net.predict(dark.astype(np.uint8))
    net.predict(np.zeros((1, 784), np.uint8))
    dn.network("2-b:linear-4-10", epochs=1).fit(ages, y)
    dn.network("2-4-10", epochs=1).fit(ages / 30, y)  # few numbers, up to 10, are learned


def test_an_own_data_set_is_there_as_it_is_now(session: Session, tmp_path: Path) -> None:
    for count in (100, 120):
        x, y = dn.data("sample").test.x[:count].reshape(-1, 28, 28), dn.data("sample").test.y
        np.savez(tmp_path / "some.npz", x=x, y=np.array([*"abcdefghij"])[y[:count]])
        session.asker = NonInteractive(yes=True)
        do(session, f"data import some {tmp_path / 'some.npz'}")
        some = dn.data("some")
        assert sum(len(part.y) for part in (some.train, some.validation, some.test)) == count
        assert some.train.x.max() == 1
    do(session, "data sample; n 784-9-10; t 9; pas a")
    dn.load("a").fit(some.train.x[:50], some.train.y[:50], epochs=1).save("b")
    about = do(session, "l b; i")[1]
    assert (about["data"], about["answers"]) == ("some", [*"abcdefghij"])
    checked = do(session, "ch all")[0]
    assert (checked["set"], checked["seen_in_training"]) == ("some test", False)


def test_the_program_and_the_loader_of_the_page_answer_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, test = dn.data("sample")
    net = dn.network("784-9-10").fit(train.x[:500], train.y[:500], epochs=1)
    expected = net.predict_proba(test.x)
    for suffix in ("npz", "py", "safetensors"):
        export_network(net._there(), tmp_path / f"first.{suffix}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
    program, loader = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[-2:]
    names: dict[str, Any] = {"pictures": test.x.reshape(-1, 28, 28)}
    exec(program, names)
    np.testing.assert_allclose(names["answer"](test.x), expected, atol=1e-5)
    pixels = np.round(test.x * 255).astype(np.uint8)
    np.testing.assert_allclose(names["answer"](pixels), expected, atol=1e-5)
    torch = pytest.importorskip("torch")
    exec(loader, names)
    x = torch.tensor(test.x)
    for module in names["modules"]:
        x = module(x)
    np.testing.assert_allclose(x.detach().numpy(), expected, atol=1e-5)
