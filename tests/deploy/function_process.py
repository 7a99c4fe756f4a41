"""Run in a fresh process: calls a handler with each event of a JSON list on stdin and prints what came of it.

python -m tests.deploy.function_process gateway|worker  ->  {"import_ms", "answers", "ms", "modules"}
"""

import importlib
import json
import sys
import time
from typing import Any


def main() -> None:
    before = set(sys.modules)
    began = time.perf_counter()
    module = importlib.import_module(f"deploy.functiongraph.{sys.argv[1]}")
    import_ms = (time.perf_counter() - began) * 1000
    answers: list[Any] = []
    took: list[float] = []
    for event in json.load(sys.stdin):
        began = time.perf_counter()
        try:
            answers.append(module.handler(event, None))
        except Exception as error:
            answers.append({"raised": type(error).__name__, "text": str(error)})
        took.append((time.perf_counter() - began) * 1000)
    modules = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
    print(json.dumps({"import_ms": import_ms, "answers": answers, "ms": took, "modules": modules}))


if __name__ == "__main__":
    main()
