"""A proxy in front of a web server, which is slow and fails as it is told to.

`python slow_proxy.py PORT` prints its own port. Rules are sent to it as JSON at `/__rules`:

- `latency` in seconds,
- `gather`: requests of images wait for one another until there are so many,
- `faults`, a list of `match` (part of the request line), `kind` (status, cut, drop, trickle,
  endless), `times` (that a request fails; -1 is for ever), `status` and `headers`.

It answers with what it has seen since the last rules: the requests, and how many there were at most
at a time.
"""

import asyncio
import json
import sys
from contextlib import suppress

LONGEST_WAIT = 10
UPSTREAM = int(sys.argv[1]) if __name__ == "__main__" else 0


class Proxy:
    def __init__(self):
        self.follow({})

    def follow(self, rules):
        self.latency = rules.get("latency", 0)
        self.faults = rules.get("faults", [])
        self.gather = rules.get("gather", 0)
        self.gathered = asyncio.Event()
        self.requests, self.now, self.most = [], 0, 0

    async def serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            line = head.split(b"\r\n", 1)[0].decode("latin-1")
            body = await reader.readexactly(length(head))
            if " /__rules " in line:
                seen = json.dumps({"requests": self.requests, "most": self.most}).encode()
                if line.startswith("PUT"):
                    self.follow(json.loads(body))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(seen) + seen)
            else:
                await self.counted(line, head + body, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def counted(self, line, request, writer):
        self.requests.append(line)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.latency)
            await self.wait_for_others(line)
            await self.answer(self.fault_of(line), request, writer)
        finally:
            self.now -= 1

    async def wait_for_others(self, line):
        if self.now >= self.gather:
            self.gathered.set()
        elif ".jpg" in line:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.gathered.wait(), LONGEST_WAIT)

    def fault_of(self, line):
        for fault in self.faults:
            if fault["match"] in line:
                left = fault.setdefault("left", {})
                left[line] = left.get(line, fault.get("times", 1)) - 1
                if left[line] >= 0 or fault.get("times") == -1:
                    return fault
        return {"kind": None}

    async def answer(self, fault, request, writer):
        if fault["kind"] == "drop":
            return
        if fault["kind"] == "status":
            headers = "".join(f"{k}: {v}\r\n" for k, v in fault.get("headers", {}).items())
            writer.write(f"HTTP/1.1 {fault['status']} X\r\n{headers}".encode())
            writer.write(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if fault["kind"] == "endless":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"10000\r\n" + bytes(2**16) + b"\r\n")
                await writer.drain()
        upstream, to_upstream = await asyncio.open_connection("127.0.0.1", UPSTREAM)
        to_upstream.write(request)
        head = await upstream.readuntil(b"\r\n\r\n")
        body = b"" if request.startswith(b"HEAD") else await upstream.readexactly(length(head))
        to_upstream.close()
        writer.write(head)
        if fault["kind"] == "cut":
            writer.write(body[: len(body) // 2])
        elif fault["kind"] == "trickle":
            for byte in body:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
        else:
            writer.write(body)


def length(head):
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def main():
    server = await asyncio.start_server(Proxy().serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
