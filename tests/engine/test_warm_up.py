import subprocess
import sys
from pathlib import Path

PROGRAM = """
import gc, sys, tempfile
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from numba.core.dispatcher import Dispatcher
from streamssl.engine.warm_up import warm_up
from world import World


def compiled():
    ours = [d for d in gc.get_objects() if isinstance(d, Dispatcher) and d.__module__.startswith("streamssl")]
    return {(d.__module__, d.__name__, signature) for d in ours for signature in d.signatures}


warm_up()
before = compiled()
with tempfile.TemporaryDirectory() as directory:
    world = World(Path(directory))
    for number in range(3):
        world.step(world.event(f"e{number}", {"x": number, "kind": "a", "missing": None, "v": [1.0, 2.0]}))
        world.settle(world.label(f"e{number}", "ab"[number % 2]))
    world.settle(world.label("e0", "b"))
    world.settle(world.label("e1", None))
for each in sorted(map(str, compiled() - before)):
    print(each)
print("kernels ready before:", bool(before))
"""


def test_no_event_or_label_waits_for_a_compiler():
    world = Path(__file__).parent
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(world)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "kernels ready before: True\n"
