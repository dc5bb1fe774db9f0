"""SQL that hears neither interrupt nor deadline: whoever waits for it comes back, and the process goes on and ends."""

from __future__ import annotations

import pathlib
import signal

import pytest
from children import started


@pytest.mark.parametrize("hangs", ["hang_next(1, 0, 3600)", "hang_next(0, 1, 3600)"])
@pytest.mark.parametrize("way", ["client.query(sql=SQL)", "pyarrow.table(client.query(sql=SQL))"])
def test_sql_that_does_not_stop_lets_go_of_ctrl_c_of_others_and_of_the_interpreter(
    large: pathlib.Path, tmp_path: pathlib.Path, hangs: str, way: str
) -> None:
    program = f"""
        import signal, sys, threading, time, datasus, pyarrow
        from children import late
        from datasus import _datasus
        SQL = "SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES"
        client = datasus.open(sys.argv[1], cache_memory=0)
        _datasus.{hangs}
        def ready():
            while _datasus.hanging() == 0:
                time.sleep(0.01)
            print("ready", flush=True)
        threading.Thread(target=ready, daemon=True).start()
        try:
            {way}
        except (KeyboardInterrupt, datasus.Error) as error:
            print("back", flush=True)
        _datasus.{hangs}
        print(late(client, SQL), flush=True)
        assert client.query(sql=SQL).to_arrow().num_rows > 0
        print("goes on", flush=True)
    """
    child = started(program, large, tmp_path)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n", child.communicate(timeout=120)
    child.send_signal(signal.SIGINT)
    # It hangs for an hour.
    out, err = child.communicate(timeout=600)
    assert (out, child.returncode) == ("back\nDS-504\ngoes on\n", 0), err


def test_a_result_is_closed_at_once_while_its_statement_does_not_stop(
    large: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    program = """
        import sys, threading, time, datasus
        from datasus import _datasus
        client = datasus.open(sys.argv[1], cache_memory=0)
        def hangs():
            while _datasus.hanging() == 0:
                time.sleep(0.01)
        # Between two of its batches: by another thread that reads, and while nobody does.
        for reads in (True, False):
            result = client.query(sql="SELECT a.N_AIH FROM sih_rd a, sih_rd b, sih_rd c")
            batches = iter(result)
            next(batches)
            _datasus.hang_next(1, 0, 3600)
            ended = []
            def rest():
                try:
                    for batch in batches:
                        pass
                except (RuntimeError, datasus.Error) as error:
                    ended.append(type(error).__name__)
            reader = threading.Thread(target=rest, daemon=True)
            if reads:
                reader.start()
                hangs()
            result.close()
            if reads:
                reader.join(300)
                print("read on:", ended, flush=True)
            try:
                result.job.wait(300)
            except datasus.Error as error:
                print(error.code, flush=True)
            _datasus.hang_next(0, 0, 0)
            while _datasus.hanging():
                time.sleep(0.01)
        assert client.query("SIH-RD", columns=["CNES"], limit=7).to_arrow().num_rows == 7
    """
    child = started(program, large, tmp_path)
    out, err = child.communicate(timeout=600)
    assert (out, child.returncode) == ("read on: ['RuntimeError']\nDS-499\nDS-499\n", 0), err


def test_sql_that_does_not_stop_lets_go_of_who_cancels_or_waits_and_after_four_it_is_refused(
    large: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    program = """
        import sys, threading, time, datasus
        from children import late
        from datasus import _datasus
        SQL = "SELECT CNES, count(*) AS n FROM sih_rd GROUP BY CNES"
        client = datasus.open(sys.argv[1], output=".", state="jobs", cache_memory=0)
        def until(so):
            while not so():
                time.sleep(0.01)
        def abandoned():
            lines = client.metrics().splitlines()
            return next(float(line.split()[1]) for line in lines if line.startswith("datasus_threads_abandoned "))
        def soon(what, work):
            began = time.monotonic()
            try:
                print(what, work() and "answered", flush=True)
            except datasus.Error as error:
                print(what, error.code, flush=True)
            # What hangs does so for an hour: this is for a machine of any speed.
            assert time.monotonic() - began < 240, what
        def answers():
            return client.query(sql=SQL).to_arrow().num_rows > 0

        _datasus.hang_next(1, 0, 3600)
        job = client.submit(sql=SQL, to=datasus.Csv("a.csv"))
        until(lambda: _datasus.hanging() == 1)
        job.cancel()
        soon("cancelled", job.wait)
        soon("next", answers)
        _datasus.hang_next(1, 0, 3600)
        # Somebody waits for one meanwhile.
        threading.Thread(target=answers, daemon=True).start()
        until(lambda: _datasus.hanging() == 2)
        job = client.submit(sql=SQL, to=datasus.Csv("b.csv"))
        soon("beside", lambda: job.wait(300) is not None)
        for number in (2, 3, 4):
            _datasus.hang_next(1, 0, 3600)
            print("late", late(client, SQL), flush=True)
            until(lambda: abandoned() == number)
        soon("too many", answers)
        soon("rows", lambda: client.query("SIH-RD", columns=["CNES"], limit=7).to_arrow().num_rows == 7)
        soon("close", lambda: client.close() is None)
    """
    child = started(program, large, tmp_path)
    out, err = child.communicate(timeout=600)
    said = ["cancelled DS-499", "next answered", "beside answered", *["late DS-504"] * 3, "too many DS-503"]
    assert out.splitlines() == [*said, "rows answered", "close answered"], err
    # The hanging ones keep nobody from the end.
    assert child.returncode == 0, err
