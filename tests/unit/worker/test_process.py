"""A process that is told to stop ends: in time, and with the code of what it did."""

import subprocess
import sys
import textwrap

import pytest

from streams.agents.lifecycle import FAILED

LIMIT_S = 60

STUBBORN = """
async def stubborn():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass
"""


def ended(work, *, last_s=30.0):
    """The exit code and the log of a process whose work this is."""
    script = textwrap.dedent("""
        import asyncio, logging, os, signal, threading, time
        from streams.worker.process import run
        logging.basicConfig()
    """)
    script += STUBBORN + textwrap.dedent(work) + f"\nrun(work, last_s={last_s})\n"
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=LIMIT_S
    )
    return done.returncode, done.stderr


def test_a_task_that_swallows_its_cancelling_keeps_no_process():
    code, _ = ended("""
        async def work(stop):
            asyncio.create_task(stubborn())
            await asyncio.sleep(0)
            return 3
    """)
    assert code == 3


def test_nor_does_a_thread_that_hangs():
    code, _ = ended("""
        async def work(stop):
            threading.Thread(target=time.sleep, args=(3600,)).start()
            return 0
    """)
    assert code == 0


@pytest.mark.parametrize("hanging", ["await stubborn()", "time.sleep(3600)"])
def test_work_that_does_not_return_after_a_signal_is_ended_and_the_log_says_so(hanging):
    code, log = ended(f"""
        async def work(stop):
            asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)
            await stop.wait()
            {hanging}
    """, last_s=0.5)  # fmt: skip
    assert code == FAILED
    assert "ended by force: it did not end by itself within 0.5 s" in log


def test_work_that_ends_at_a_signal_gives_its_code():
    code, log = ended("""
        async def work(stop):
            asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
            await stop.wait()
            return 0
    """)
    assert (code, log) == (0, "")


def test_work_that_raises_is_a_failure_with_its_traceback_in_the_log():
    code, log = ended("""
        async def work(stop):
            raise RuntimeError("of what nobody thought")
    """)
    assert code == FAILED
    assert "RuntimeError: of what nobody thought" in log


def test_a_loop_that_does_not_turn_any_more_hears_a_signal_too():
    code, log = ended("""
        async def work(stop):
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
            while True:
                pass
    """, last_s=0.5)  # fmt: skip
    assert code == FAILED
    assert "ended by force" in log


def test_a_log_that_takes_no_more_keeps_no_process():
    code, _ = ended("""
        class Full(logging.Handler):
            def emit(self, record):
                time.sleep(3600)
        logging.getLogger().addHandler(Full())
        async def work(stop):
            asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)
            await stubborn()
    """, last_s=0.5)  # fmt: skip
    assert code == FAILED


def test_a_cancelling_that_nobody_asked_for_is_a_failure_and_said():
    code, log = ended("""
        async def work(stop):
            raise asyncio.CancelledError("of a client's own")
    """)
    assert code == FAILED
    assert "of a client's own" in log
