"""firn behind a REST catalog that wants AWS signatures: every request is verified by the published procedure (AWS Signature
Version 4), with keys of the environment and with those of a role that a web identity assumes."""

import datetime
import hashlib
import hmac
import http.server
import json
import os
import re
import sys
import threading
import unittest
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from catalog_service import FirnServer  # noqa: E402
from faulty_proxy import FaultyProxy  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary  # noqa: E402
from support.orders_case import orders_project  # noqa: E402

REGION, SERVICE = "eu-west-1", "glue"
AUTHORIZATION = re.compile(r"^AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([a-z0-9;-]+), "
                           r"Signature=([0-9a-f]{64})$")


def encoded(text, safe="-_.~"):
    return urllib.parse.quote(text, safe=safe)


def canonical(command, target, headers, signed, body):
    """The text that is signed. Every service but S3 wants the path as it stands encoded once more."""
    path, _, query = target.partition("?")
    pairs = sorted(tuple(encoded(urllib.parse.unquote(part)) for part in pair.partition("=")[::2]) for pair in query.split("&") if pair)
    fields = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in signed)
    return "\n".join([command, encoded(path, "/-_.~"), "&".join("=".join(pair) for pair in pairs), fields, ";".join(signed),
                      hashlib.sha256(body).hexdigest()])


def fault(command, target, headers, body, keys):
    """What is wrong with a request, or None. `keys`: access key → (secret, session token or None)."""
    match = AUTHORIZATION.match(headers.get("Authorization", ""))
    if match is None:
        return f"the form of Authorization: {headers.get('Authorization')}"
    key, day, region, service, names, signature = match.groups()
    if key not in keys:
        return f"an unknown key {key}"
    if (region, service) != (REGION, SERVICE):
        return f"the scope {region}/{service}"
    secret, token = keys[key]
    time, signed = headers.get("x-amz-date", ""), names.split(";")
    now = datetime.datetime.now(datetime.timezone.utc)
    if not time.startswith(day) or abs(now - datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(
            tzinfo=datetime.timezone.utc)) > datetime.timedelta(minutes=15):
        return f"the time {time}"
    if headers.get("x-amz-security-token") != token:
        return "the session token"
    must = {"host", "x-amz-date"} | ({"x-amz-security-token"} if token else set()) | ({"content-type"} if body else set())
    if signed != sorted(signed) or not must <= set(signed):
        return f"the fields that are signed: {names}"
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", time, scope,
                      hashlib.sha256(canonical(command, target, headers, signed, body).encode()).hexdigest()])
    derived = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    return None if hmac.compare_digest(hmac.new(derived, text.encode(), hashlib.sha256).hexdigest(), signature) else "the signature"


class SigningProxy(FaultyProxy):
    """Before a catalog server: what is not signed right is refused with 403 and listed."""

    def __init__(self, url, keys):
        self.keys, self.faults, self.verified = keys, [], []
        super().__init__(url, ())

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        wrong = fault(handler.command, handler.path, handler.headers, body, self.keys)
        if wrong is not None:
            self.faults.append(f"{wrong} of {handler.command} {handler.path}")
            return self.answer(handler, 403, self.error("ForbiddenException"))
        self.verified.append((handler.command, handler.path))
        status, headers, text = self.forward(handler, body)
        self.answer(handler, status, text, headers)


class TokenService:
    """AWS STS as far as AssumeRoleWithWebIdentity goes. `lifetime`: seconds that keys are valid."""

    def __init__(self, keys, token_file, lifetime):
        self.calls, self.keys = [], keys
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                service.calls.append((form, self.headers.get("Authorization")))
                number = len(service.calls)
                service.keys[f"ROLE{number}"] = (f"role-secret-{number}", f"role-token/{number}+==")
                with open(token_file, "w") as file:  # as Kubernetes does now and then
                    file.write(f"identity-{number + 1}")
                until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=lifetime)
                text = (f"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                        f"<AccessKeyId>ROLE{number}</AccessKeyId><SecretAccessKey>role-secret-{number}</SecretAccessKey>"
                        f"<SessionToken>role-token/{number}+==</SessionToken><Expiration>{until:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
                        f"</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>").encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class SignedTest(unittest.TestCase):
    def setUp(self):
        self.home = FirnProject("lake: {warehouse: ./lake}\n")
        self.addCleanup(self.home.__exit__)
        done = self.home.firn("copy", "-", "shop.things", input='{"id": 1}\n')
        self.assertEqual(done.code, 0, str(done))
        self.server = FirnServer(self.home)
        self.addCleanup(self.server.__exit__)
        self.keys = {}
        self.proxy = SigningProxy(self.server.url, self.keys)
        self.addCleanup(self.proxy.__exit__)

    def catalog(self):
        return f'{{type: rest, uri: "{self.proxy.url}", sigv4_region: {REGION}, sigv4_service: {SERVICE}}}'

    def create_table(self, levels, name):
        for target, body in (("namespaces", {"namespace": levels}),
                             (f"namespaces/{'%1F'.join(map(urllib.parse.quote, levels))}/tables",
                              {"name": name, "schema": {"type": "struct", "fields": [
                                  {"id": 1, "name": "id", "type": "long", "required": False}]}})):
            request = urllib.request.Request(f"{self.server.url}/v1/{target}", json.dumps(body).encode(),
                                             {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=60).close()

    def test_a_load_whose_every_request_is_signed(self):
        self.keys["ENVKEY"] = ("env/secret+key", "session/token+1==")
        env = {"AWS_ACCESS_KEY_ID": "ENVKEY", "AWS_SECRET_ACCESS_KEY": "env/secret+key", "AWS_SESSION_TOKEN": "session/token+1=="}
        with FakeApi() as api:
            orders = api.table("orders")
            for number in range(9):
                orders.put({"id": number, "updated_at": f"2025-01-01T00:00:{number:02d}Z"})
            self.create_table(["a b", "c"], "t/x")  # its path has to be encoded twice
            text = orders_project(api.url, "merge", lake=f"{{warehouse: ./own, catalog: {self.catalog()}}}")
            with FirnProject(text, env=env) as project:
                project.run()
                orders.put({"id": 3, "updated_at": "2025-01-02T00:00:00Z", "note": "later"})
                project.run()
                self.assertEqual(self.proxy.faults, [])
                self.assertTrue({"GET", "POST"} <= {command for command, _ in self.proxy.verified}, self.proxy.verified)
                rows = self.home.sql("SELECT count(*) AS n, count(DISTINCT id) AS d FROM shop.orders")
                self.assertEqual(rows, [{"n": 9, "d": 9}])
                listed = project.firn("tables", "--json")
                self.assertEqual(listed.code, 0, str(listed))
                self.assertIn("a b.c.t/x", [table["table"] for table in listed.json()])
                self.assertTrue(any("a%20b%1Fc/tables/t%2Fx" in path for _, path in self.proxy.verified), self.proxy.verified)
                self.assertEqual(self.proxy.faults, [])
                refused = project.firn("tables", env={"AWS_SECRET_ACCESS_KEY": "another"})
                self.assertGreater(refused.code, 0, str(refused))
                self.assertIn("the signature", self.proxy.faults[0])
                self.assertNotIn("another", refused.err + refused.out)

    def test_the_keys_of_a_role_that_a_web_identity_assumes(self):
        token = self.home.path("identity")
        for lifetime, renewed in ((3600, False), (0, True)):
            with self.subTest(lifetime=lifetime):
                self.keys.clear()
                with open(token, "w") as file:
                    file.write("identity-1\n")
                service = TokenService(self.keys, token, lifetime)
                self.addCleanup(service.close)
                text = (f'lake: {{warehouse: "s3://bucket/lake", catalog: {self.catalog()}, storage: {{region: {REGION}, '
                        f'role_arn: "arn:aws:iam::123456789012:role/lake", web_identity_token_file: "{token}", '
                        f'sts_endpoint: "{service.url}"}}}}\n')
                with FirnProject(text) as project:
                    listed = project.firn("tables", "--json")
                    self.assertEqual(listed.code, 0, str(listed))
                    self.assertIn("shop.things", [table["table"] for table in listed.json()])
                self.assertEqual(self.proxy.faults, [])
                self.assertEqual(len(service.calls) > 1, renewed, "keys are asked for again when they end, and only then")
                for number, (form, authorization) in enumerate(service.calls, 1):
                    self.assertIsNone(authorization, "a web identity signs nothing")
                    self.assertEqual((form["Action"], form["RoleArn"], form["WebIdentityToken"]),
                                     ("AssumeRoleWithWebIdentity", "arn:aws:iam::123456789012:role/lake", f"identity-{number}"))


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
