"""A provider that announces, whatever it is asked, an answer larger than any may be: just so much of HTTP/2 as that takes."""

import os
import socket

SETTINGS, PING, HEADERS, DATA = 4, 6, 1, 0
ACK, END_STREAM, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# `:status: 200` from the static table; `content-type` from it, with a value of its own.
HEAD = b"\x88\x5f" + bytes([len(b"application/grpc")]) + b"application/grpc"
TOO_LARGE = b"\x00" + (2**31 - 1).to_bytes(4, "big")


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def answer(connection):
    read = connection.makefile("rb").read
    read(len(PREFACE))
    connection.sendall(frame(SETTINGS, 0, 0))
    while head := read(9):
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        stream = int.from_bytes(head[5:], "big")
        payload = read(length)
        if kind in (SETTINGS, PING) and not flags & ACK:
            connection.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            connection.sendall(frame(HEADERS, END_HEADERS, stream, HEAD) + frame(DATA, 0, stream, TOO_LARGE))


path = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "plugin1")
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
print(f"1|5|unix|{path}|grpc|", flush=True)
while True:
    try:
        answer(listener.accept()[0])
    except OSError:
        pass
