"""How an answer leaves, or does not leave, over one connection."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct

from aiohttp import web

from deployer.simulator.calls import Answer, refusal
from deployer.simulator.faults import Rule
from deployer.simulator.world import Refused

PAGE = "<html><head><title>{status}</title></head><body><h1>{status} from a proxy</h1></body></html>"
LINGER_OFF = struct.pack("ii", 1, 0)
"""A socket closed with this sends RST instead of FIN."""


async def deliver(request: web.BaseRequest, rule: Rule | None, answer: Answer) -> web.StreamResponse:
    """Send the answer the way the rule spoils it."""
    match rule.action if rule else "":
        case "lose" | "late" | "kill":
            return _closed(request)
        case "reset":
            return _reset(request)
        case "stall" if rule:
            await asyncio.sleep(rule.seconds)
            return _closed(request)
        case "cut":
            return await _cut(request, answer)
        case "garble" if rule:
            return _text(answer, rule)
        case "html" if rule:
            page = PAGE.format(status=rule.status)
            return web.Response(status=rule.status, text=page, content_type="text/html", headers=rule.headers)
        case "refuse" if rule:
            return whole(refusal(Refused(rule.status, rule.code, f"{rule.code} by script", headers=rule.headers)))
        case _:
            return whole(answer)


def whole(answer: Answer) -> web.Response:
    """Make the response that an undisturbed answer is."""
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    body = json.dumps(answer.body).encode()
    return web.Response(status=answer.status, body=body, headers={"Content-Type": "application/json", **answer.headers})


def kill(pid: int) -> None:
    """End the client at once; one that is gone already is as dead as asked."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _text(answer: Answer, rule: Rule) -> web.Response:
    body = rule.text.encode() if rule.text else json.dumps(answer.body).encode()[::-1]
    return web.Response(status=answer.status, body=body, headers={"Content-Type": "application/json", **rule.headers})


async def _cut(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    body = json.dumps(answer.body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    return _close(request, response)


def _closed(request: web.BaseRequest) -> web.StreamResponse:
    return _close(request, web.Response())


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)
        request.transport.abort()
    return web.Response()


def _close(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return response
