"""An S3-compatible store behind a real socket (moto's), that says what was asked of it and misbehaves where told."""

import threading
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

KEY, SECRET = "key-of-a-test", "secret/of+a test"

Answer = tuple[str, bytes]
"""Status line and body, such as `("503 Slow Down", b"...")`."""


def error(status: str, code: str, message: str) -> Answer:
    """An error as S3 words it."""
    return status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


class S3Server:
    """The store. Every request is in `asked` as (method, name of the object without its bucket, "" for a listing).

    `before` is called with those and may answer instead of the store; `after` is called when the store has answered.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.before: Callable[[str, str], Answer | None] | None = None
        self.after: Callable[[str, str], None] | None = None
        self._store = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._application, threaded=True, request_handler=MotoRequestHandler)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    def stop(self) -> None:
        """End it; nothing listens on its port any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find it, and to look for credentials nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            # Tried again once, and not for half a minute.
            "AWS_MAX_ATTEMPTS": "2",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
        }

    def bucket(self) -> "Bucket":
        """A fresh, empty bucket."""
        name = f"drop-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        return Bucket(self, name)

    def objects_read(self) -> list[str]:
        """Names of the objects that were read since this was asked last, in order."""
        asked, self.asked = self.asked, []
        return [name for method, name in asked if method == "GET" and name]

    def quiet(self) -> None:
        """Answer as a store does, and forget what was asked."""
        self.asked, self.before, self.after = [], None, None

    def _application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        name = environ["PATH_INFO"].lstrip("/").partition("/")[2]
        self.asked.append((method, name))
        answer = self.before(method, name) if self.before else None
        if answer is not None:
            status, body = answer
            # Of a HEAD nobody reads a body, and what follows would be taken for the next answer.
            body = b"" if method == "HEAD" else body
            start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]
        found = list(self._store(environ, start_response))
        if self.after:
            self.after(method, name)
        return found


class Bucket:
    """A bucket, filled past the requests that the server writes down."""

    def __init__(self, server: S3Server, name: str) -> None:
        self.name = name
        self.url = f"s3://{name}"
        self._server = server

    def put(self, name: str, content: bytes) -> None:
        """An object of this name, whatever was there before."""
        self._quietly(lambda: self._server.client.put_object(Bucket=self.name, Key=name, Body=content))

    def delete(self, name: str) -> None:
        """No object of this name any more."""
        self._quietly(lambda: self._server.client.delete_object(Bucket=self.name, Key=name))

    def put_folder(self, folder: Path) -> list[str]:
        """Every file below the folder under its relative name; those names."""
        names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
        for name in names:
            self.put(name, (folder / name).read_bytes())
        return names

    def _quietly(self, ask: Callable[[], Any]) -> None:
        before, after, asked = self._server.before, self._server.after, list(self._server.asked)
        self._server.before = self._server.after = None
        try:
            ask()
        finally:
            self._server.before, self._server.after, self._server.asked = before, after, asked
