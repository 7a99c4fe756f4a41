"""`python -m tests.browser.static_demo [PORT]`: look at the page without a sandbox."""

import sys

import uvicorn

from tests.browser.static_demo.app import TOKEN, Demo, build

if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8077
    print(f"http://127.0.0.1:{port}/?token={TOKEN}")
    uvicorn.run(build(Demo()), host="127.0.0.1", port=port, log_level="warning")
