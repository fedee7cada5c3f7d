"""The fake AWS of captd's tests: moto's server in a process of its own, on a free port of 127.0.0.1.

`python fake_aws.py` prints one line, `listening http://127.0.0.1:PORT`, on stdout when it is ready, and
ends when its stdin reaches end of file (so it ends with the test that started it) or on SIGTERM.
It keeps everything in memory, checks no signature, and is quiet: errors of its own go to stderr.

    fake_aws.py   the process, and what happens to one call: journal, rules, moto
    journal.py    what was called: names each call and remembers it
    rules.py      what tests ask for: failures, delays, throttling, lost answers, slow node groups
    eks_gaps.py   what moto's EKS lacks of node groups, or answers differently from AWS
    cluster_gaps.py   what it lacks of clusters: add-ons, access entries
    ec2_gaps.py   what moto's EC2 answers differently: launch templates
    ssm_gaps.py   what moto's SSM lacks: the releases of images
    control.py    the paths under /_fake/ by which a test speaks to the fake
"""

import os
import signal
import socket
import sys
import threading

# The folder of the sources stays as it was checked out.
sys.dont_write_bytecode = True

from moto.core.config import default_user_config  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402

import cluster_gaps  # noqa: E402
import ec2_gaps  # noqa: E402
import eks_gaps  # noqa: E402
import ssm_gaps  # noqa: E402
from control import Control  # noqa: E402
from journal import Journal, identify  # noqa: E402
from rules import Rules  # noqa: E402


class FakeAws:
    """The WSGI application: /_fake/ goes to the control paths, all else is an AWS call."""

    def __init__(self):
        self.journal = Journal()
        self.rules = Rules()
        self.control = Control(self.journal, self.rules)
        self.moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"].startswith("/_fake/"):
            return self.control(environ, start_response)
        call = identify(environ)
        entry = self.journal.add(call)
        rule = self.rules.take(call)
        entry["rule"] = rule.id if rule else None
        early = rule.before(call) if rule else None
        if early is None:
            status, headers, body = self.work(environ, rule)
            entry["worked_status"] = int(status.split()[0])
            status, headers, body = (rule and rule.after(call)) or (status, headers, body)
        else:
            status, headers, body = early
        if rule and rule.effect == "drop_answer":
            entry["dropped"] = True
            hang_up(environ)
        entry["status"] = int(status.split()[0])
        start_response(status, headers)
        return [body]

    def work(self, environ, rule):
        """Lets moto do the work, and holds its whole answer."""
        answer = {}

        def start_response(status, headers, exc_info=None):
            answer.update(status=status, headers=headers)

        with eks_gaps.wished(rule):
            eks_gaps.settle()
            chunks = self.moto(environ, start_response)
            try:
                body = b"".join(chunks)
            finally:
                if hasattr(chunks, "close"):
                    chunks.close()
        return answer["status"], answer["headers"], body


def hang_up(environ):
    """Closes the connection with no answer; werkzeug takes the exception for a client that went away."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("the answer is dropped")


class QuietHandler(WSGIRequestHandler):
    def log_request(self, *_):
        pass


def end_with_stdin(server):
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.shutdown()


def main():
    # The node role's policies are AWS's own; moto knows them only when told to.
    default_user_config.setdefault("iam", {})["load_aws_managed_policies"] = True
    eks_gaps.install()
    cluster_gaps.install()
    ec2_gaps.install()
    ssm_gaps.install()
    server = make_server("127.0.0.1", 0, FakeAws(), threaded=True, request_handler=QuietHandler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    threading.Thread(target=end_with_stdin, args=(server,), daemon=True).start()
    print(f"listening http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
