"""The catalogue of faults in an answer: each is tried on all six calls.

Where nothing else is said a fault means that the outcome is unknown. Some repeat the token of the request, as a proxy
may: no outcome shows it.
"""

import gzip
import json
import zlib
from email.utils import formatdate
from typing import Final

from tests.integrator.calls import SECRET, TEMPLATE
from tests.integrator.fault import body, closing, coded, fault, framed, headed, instead, paged, redirect, sized
from tests.integrator.raw import Reply, Then, answer
from tests.integrator.six import OTHER, Call, Means

DONE, MISLED, CONTRADICTED = Means.DONE, Means.MISLED, Means.CONTRADICTED
REDIRECTED, REFUSED, UNKNOWN = Means.REDIRECTED, Means.REFUSED, Means.UNKNOWN

ENVELOPE: Final = json.dumps({"errors": [{"code": "some_code", "message": "no", "field": "name"}]}).encode()
HTML: Final = b"<html><body>Bad gateway</body></html>"
OK: Final = b"HTTP/1.1 200 OK\r\n"
HEAD: Final = OK + b"Content-Length: 40\r\n\r\n"
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"
DEEP: Final = b"[" * 100_000 + b"]" * 100_000
STRAY: Final = answer(200, json.dumps({"_id": OTHER, "_jobId": OTHER}).encode()).content
NEXT: Final = '<?p=1>; rel="next"'
OUTSIDE: Final = ("/v2/flows", "/v1/../admin", "/v1/%2e%2e/admin", "//evil.example/v1/flows", "ftp:x", "http://[")


def padded(right: bytes) -> bytes:
    """Return the right body with more white space after it than is read."""
    return right + b" " * (9 * 2**20)


def more(call: Call, field: bytes) -> bytes:
    """Return the right body with one more field in its object."""
    return call.right.replace(b"{", b"{" + field + b", ", 1)


def named(call: Call, value: str) -> bytes:
    """Return the right body with another value, which is JSON, for the id."""
    return call.right.replace(f'"{call.id}"'.encode(), value.encode())


def other_page(call: Call) -> Reply:
    """Return a page of another row, that points on."""
    return answer(200, named(call, f'"{OTHER}"'), f"Link: {NEXT}")


STATUSES: Final = [
    *(fault(f"{status} with the envelope", answer(status, ENVELOPE), REFUSED) for status in (400, 401, 402, 403, 404)),
    *(fault(f"{status} with the envelope", answer(status, ENVELOPE), REFUSED) for status in (405, 409, 413, 415, 422)),
    fault("401 without the envelope", answer(401), REFUSED),
    fault("403 from a proxy", answer(403, HTML), REFUSED),
    *(fault(f"{status} without the envelope", answer(status, HTML)) for status in (400, 404, 409, 422)),
    fault("400 with an empty envelope", answer(400, b'{"errors": []}')),
    fault("400 with an envelope of something else", answer(400, b'{"errors": {"code": "x"}}')),
    fault("400 with an envelope too deep to be read", answer(400, b'{"errors": [' + DEEP + b"]}")),
    *(fault(f"{status} with the envelope", answer(status, ENVELOPE)) for status in (408, 425, 500, 503)),
    *(fault(f"{status} from a proxy", answer(status, HTML)) for status in (408, 425, 500, 502, 503, 504, 599)),
    fault("404 cut", closing(answer(404, ENVELOPE).content[:-5])),
    fault("429 cut", closing(answer(429, ENVELOPE).content[:-5])),
    fault("999", answer(999, ENVELOPE)),
    *(redirect(status) for status in (300, 301, 302, 303, 307, 308)),
    fault("304", answer(304), REDIRECTED),
    headed("201", "X: y", status=201),
    headed("202", "X: y", status=202),
    fault("204", answer(204), UNKNOWN, list=MISLED),  # an empty list has no body there
    fault("205", answer(205)),
]

CONNECTIONS: Final = [
    fault("closed without an answer", Reply(then=Then.CLOSE)),
    fault("reset", Reply(then=Then.RESET)),
    fault("silence", Reply(then=Then.SILENCE)),
    fault("silence in the head", Reply(b"HTTP/1.1 200 OK\r\nConte", Then.SILENCE)),
    fault("silence in the body", Reply(HEAD + b'{"_id": "6b04', Then.SILENCE)),
    fault("slow-loris in the head", Reply(b"HTTP/1.1 200 OK\r\nX: ", Then.DRIP)),
    fault("slow-loris in the body", Reply(OK + b"Transfer-Encoding: identity\r\n\r\n", Then.DRIP)),
    fault("cut body", Reply(HEAD + b'{"_id": "6b04', Then.CLOSE)),
    fault("reset in the body", Reply(HEAD + b'{"_id": "6b04', Then.RESET)),
    fault("cut chunk", Reply(CHUNKED + b"20\r\n{", Then.CLOSE)),
    fault("broken chunk", Reply(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", Then.CLOSE)),
    fault("not HTTP", closing(b"220 mail.example.com ESMTP\r\n")),
    fault("the request back", closing(f"GET /v1/flows HTTP/1.1\r\nAuthorization: Bearer {SECRET}\r\n\r\n".encode())),
    framed("a body without a head", closing),
]

FRAMES: Final = [
    framed("the last chunk is missing", lambda right: closing(CHUNKED + b"%x\r\n%b\r\n" % (len(right), right))),
    framed("a chunk as large as can be written", lambda right: closing(CHUNKED + b"f" * 16 + b"\r\n" + right)),
    framed("100 before it", lambda right: Reply(b"HTTP/1.1 100 Continue\r\n\r\n" + sized(right)), DONE),
    framed("103 before it", lambda right: Reply(b"HTTP/1.1 103 X\r\nLink: </x>\r\n\r\n" + sized(right)), DONE),
    fault("100 and no more", Reply(b"HTTP/1.1 100 Continue\r\n\r\n", Then.SILENCE)),
    framed("101", lambda right: closing(b"HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + sized(right))),
    framed("two lengths", lambda right: Reply(sized(right, "Content-Length: 9"))),
    framed("the same length twice", lambda right: Reply(sized(right, f"Content-Length: {len(right)}"))),
    framed("a negative length", lambda right: closing(OK + b"Content-Length: -1\r\n\r\n" + right)),
    framed("length and chunks", lambda right: closing(sized(right, "Transfer-Encoding: chunked"))),
    framed("no length and closed", lambda right: closing(OK + b"\r\n" + right), DONE),
    framed("no length and cut", lambda right: closing(OK + b"\r\n" + right[:-1])),
    framed("garbage after it", lambda right: Reply(sized(right) + SECRET.encode())),
    framed("a second answer after it", lambda right: Reply(sized(right) + STRAY), DONE),
    framed("a second answer later", lambda right: Reply(sized(right), late=STRAY), DONE),
    framed("garbage later", lambda right: Reply(sized(right), late=b"garbage\r\n\r\n"), DONE),
    framed("a blank line later", lambda right: Reply(sized(right), late=b"\r\n"), DONE),
    framed("a header too long", lambda right: Reply(sized(right, f"X: {SECRET}" + "y" * 100_000))),
    framed("a thousand headers", lambda right: Reply(sized(right, *["X: y"] * 1000))),
    framed("NUL in a header", lambda right: Reply(sized(right, f"X: {SECRET}\0"))),
    framed("a header without a name", lambda right: Reply(sized(right, f": {SECRET}"))),
]

BODIES: Final = [
    instead("not JSON", HTML),
    instead("no body", b""),
    instead("white space", b" \r\n\t "),
    body("too large", lambda call: padded(call.right)),
    instead("no id", b"{}"),
    instead("the envelope in a success", ENVELOPE),
    instead("an empty list", b"[]", UNKNOWN, list=MISLED),
    instead("a list of lists", b"[[]]"),
    instead("a string", b'"text"'),
    instead("a number", b"7"),
    instead("null", b"null"),
    instead("true", b"true"),
    body("cut JSON", lambda call: call.right[:-1]),
    body("garbage after the JSON", lambda call: call.right + b"}"),
    body("two documents", lambda call: call.right + b"\n" + call.right),
    body("in a list", lambda call: b"[" + call.right + b"]", UNKNOWN, clone=DONE),  # a clone answers in two forms
    body("a list that also holds null", lambda call: b"[null, " + call.right.strip(b"[]") + b"]", UNKNOWN, clone=DONE),
    body("two at once", lambda call: b"[%b, %b]" % ((call.right.strip(b"[]"),) * 2), UNKNOWN, list=DONE),
    body("single quotes", lambda call: call.right.replace(b'"', b"'")),
    body("NaN", lambda call: more(call, b'"x": NaN')),
    body("Infinity", lambda call: more(call, b'"x": -Infinity')),
    body("1e999", lambda call: more(call, b'"x": 1e999')),
    body("an integer of 5,000 digits", lambda call: more(call, b'"x": ' + b"9" * 5000)),
    body("nested 100,000 deep", lambda call: more(call, b'"x": ' + DEEP)),
    body("nested 400 deep", lambda call: more(call, b'"x": ' + b"[" * 400 + b"]" * 400)),
    body("half a surrogate pair", lambda call: more(call, b'"x": "\\ud800"')),
    body("a raw line feed in a string", lambda call: more(call, b'"x": "\n"')),
    body("NUL at the end", lambda call: call.right + b"\0"),
    body("BOM before it", lambda call: b"\xef\xbb\xbf" + call.right, DONE),
    body("UTF-16", lambda call: call.right.decode().encode("utf-16")),
    body("Latin-1", lambda call: more(call, b'"x": "\xe9"')),
    body("an id that is a number", lambda call: named(call, "7")),
    body("an id that is null", lambda call: named(call, "null")),
    body("an id that is empty", lambda call: named(call, '""')),
    body("an id that is a path", lambda call: named(call, '"../../tokenInfo"')),
    body("an id of 65 letters", lambda call: named(call, f'"{"a" * 65}"')),
]

IDENTITIES: Final = [
    body(
        "somebody else's id",
        lambda call: named(call, f'"{OTHER}"'),
        CONTRADICTED,
        clone=MISLED,
        run=MISLED,
        list=MISLED,
    ),
    body("the template's id", lambda call: named(call, f'"{TEMPLATE}"'), CONTRADICTED, run=MISLED, list=MISLED),
]

HEADERS: Final = [
    headed("nothing wrong", "X: y"),
    headed("another type", "Content-Type: text/html"),
    headed("another charset", "Content-Type: application/json; charset=utf-16"),
    headed("a charset nobody knows", "Content-Type: application/json; charset=x-none"),
    headed("a type that cannot be read", "Content-Type: ;;;="),
    headed("decades ahead", f"Date: {formatdate(4e9, usegmt=True)}"),
    headed("decades behind", f"Date: {formatdate(0, usegmt=True)}"),
    headed("a date that is none", "Date: 99999999999 Feb 01 8:49"),
    headed("a Location in a success", "Location: {}/v1/flows"),
    headed("a Refresh", "Refresh: 0; url={}/v1/flows"),
    headed("another service", 'Alt-Svc: h2="{}"'),
    headed("a cookie", "Set-Cookie: session=x; Path=/"),
    headed("the connection is to close and does not", "Connection: close"),
    coded("gzip", "gzip", gzip.compress, DONE),
    coded("deflate", "deflate", zlib.compress, DONE),
    coded("gzip bomb", "gzip", lambda right: gzip.compress(padded(right), 1)),
    coded("deflate bomb", "deflate", lambda right: zlib.compress(padded(right), 1)),
    coded("broken gzip", "gzip", lambda _: b"\x1f\x8bxxxxxxxxxxxx"),
    coded("cut gzip", "gzip", lambda right: gzip.compress(right)[:20]),
    coded("gzip that is none", "gzip", lambda right: right),
    coded("gzip twice", "gzip", lambda right: gzip.compress(gzip.compress(right))),
    coded("a coding nobody knows", "x-none", gzip.compress),
]

LINKS: Final = [
    paged("the next page on another host", '<{}/v1/flows>; rel="next"', lambda _: [], UNKNOWN, 3),
    *(paged(f"the next page at {target}", f'<{target}>; rel="next"', lambda _: [], UNKNOWN, 3) for target in OUTSIDE),
    paged("a link that cannot be read", 'https://a; rel="next"', lambda _: [], UNKNOWN, 3),
    paged("pages in a loop", NEXT, lambda _: [], UNKNOWN, 2),
    paged("pages in a loop of two", NEXT, lambda call: [other_page(call)], UNKNOWN, 3),
    paged("a page that repeats a row", NEXT, lambda call: [answer(200, call.right)], DONE, 3),
    paged("a page that is refused", NEXT, lambda _: [answer(404, ENVELOPE)], REFUSED, 2),
    paged("a page that fails", NEXT, lambda _: [answer(502, HTML)], UNKNOWN, 4),
    paged("a page that is no list", NEXT, lambda _: [answer(200, b"{}")], UNKNOWN, 4),
    paged("a page that is cut", NEXT, lambda _: [Reply(HEAD, Then.CLOSE)], UNKNOWN, 4),
    paged("a page that is silent", NEXT, lambda _: [Reply(then=Then.SILENCE)], UNKNOWN, 4),
]

FAULTS: Final = [*STATUSES, *CONNECTIONS, *FRAMES, *BODIES, *IDENTITIES, *HEADERS, *LINKS]
