"""Credentials of REST sources, judged by servers that check them with code of their own."""

import base64
import hashlib
import hmac
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from judging_server import JudgingServer  # noqa: E402
from support.firn_project import FirnProject, binary, skip  # noqa: E402

ROWS = [{"id": n, "name": f"row {n}"} for n in range(3)]
SECRETS = {"USER": "loader-user-01", "PASSWORD": "loader-password-02", "SECRET": "shared-secret-000003"}


def openssl(*arguments, folder, input=None):
    return subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60, input=input).stdout


def padded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class AuthTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="firn-auth-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def serve(self, judge, context=None):
        server = JudgingServer(judge, context)
        self.addCleanup(server.close)
        return server

    def project(self, server, auth, http=""):
        text = f"version: 1\npipelines:\n  p:\n    source:\n      type: rest\n      base_url: {server.url}\n"
        text += f"      auth: {auth}\n" if auth else ""
        text += f"      http: {http}\n" if http else ""
        project = FirnProject(text + "    tables:\n      orders: {path: /v1/orders?a=1, records: ., paginate: none, primary_key: id}\n",
                              env=SECRETS)
        self.addCleanup(project.__exit__)
        return project

    def load(self, project):
        """Loads the table, and looks for secrets in all that was written."""
        result = project.run()
        self.assertEqual(sorted(row["id"] for row in project.sql("select id from p.orders")), [0, 1, 2])
        said = result.out + result.err + project.firn("config", "show").out
        for secret in SECRETS.values():
            self.assertNotIn(secret, said)
        return result

    def test_several_headers(self):
        def judge(request):
            good = (request.headers["X-Key"], request.headers["X-Secret"]) == (SECRETS["USER"], SECRETS["SECRET"])
            return ROWS if good else (401, {})
        self.load(self.project(self.serve(judge), '{type: headers, headers: {X-Key: "${env:USER}", X-Secret: "${env:SECRET}"}}'))

    def test_a_password_is_exchanged(self):
        def judge(request):
            if request.path == "/token":
                form = dict(urllib.parse.parse_qsl(request.body))
                good = (form["grant_type"], form["username"], form["password"]) == ("password", SECRETS["USER"], SECRETS["PASSWORD"])
                return {"access_token": "access-token-9"} if good else (400, {"error": "invalid_grant"})
            return ROWS if request.headers["Authorization"] == "Bearer access-token-9" else (401, {})
        server = self.serve(judge)
        self.load(self.project(server, f'{{type: oauth2, grant: password, token_url: "{server.url}/token", client_id: me, '
                                       'username: "${env:USER}", password: "${env:PASSWORD}"}'))

    def verify(self, token, algorithm):
        """The claims of a token that `openssl` finds signed by key.pem."""
        head, claims, signature = token.split(".")
        self.assertEqual(json.loads(padded(head)), {"alg": algorithm, "typ": "JWT", "kid": "k1"})
        with open(os.path.join(self.folder, "signature"), "wb") as file:
            file.write(padded(signature))
        openssl("dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", folder=self.folder,
                input=f"{head}.{claims}".encode())
        return json.loads(padded(claims))

    def test_a_service_account_exchanges_its_assertion(self):
        openssl("genrsa", "-out", "key.pem", "2048", folder=self.folder)
        openssl("rsa", "-in", "key.pem", "-pubout", "-out", "public.pem", folder=self.folder)

        def judge(request):
            if request.path == "/token":
                form = dict(urllib.parse.parse_qsl(request.body))
                claims = self.verify(form["assertion"], "RS256")
                good = claims["iss"] == "loader@shop.example" and claims["scope"] == "a b" and claims["exp"] - claims["iat"] == 3600
                good = good and form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
                return {"access_token": "access-token-9", "expires_in": 3600} if good else (400, {"error": "invalid_grant"})
            return ROWS if request.headers["Authorization"] == "Bearer access-token-9" else (401, {})
        server = self.serve(judge)
        self.load(self.project(server, f'{{type: jwt, key: "${{file:{self.folder}/key.pem}}", key_id: k1, lifetime: 1h, '
                                       f'claims: {{iss: loader@shop.example, scope: a b}}, token_url: "{server.url}/token"}}'))
        self.assertEqual(server.count("/token"), 1)

    def test_a_token_of_ones_own_is_sent(self):
        def judge(request):
            head, claims, signature = request.headers["Authorization"].removeprefix("Bearer ").split(".")
            digest = hmac.new(SECRETS["SECRET"].encode(), f"{head}.{claims}".encode(), hashlib.sha384).digest()
            good = padded(signature) == digest and json.loads(padded(claims))["sub"] == "loader"
            return ROWS if good else (401, {})
        self.load(self.project(self.serve(judge), '{type: jwt, algorithm: HS384, key: "${env:SECRET}", claims: {sub: loader}}'))

    def test_requests_are_signed(self):
        def judge(request):
            text = request.headers["X-Time"] + request.method + request.target + hashlib.sha256(b"").hexdigest()
            good = request.headers["X-Sign"] == hmac.new(SECRETS["SECRET"].encode(), text.encode(), hashlib.sha1).hexdigest()
            return ROWS if good else (401, {})
        sign = "{{ request.timestamp }}{{ request.method }}{{ request.target }}{{ request.body_sha256 }}"
        self.load(self.project(self.serve(judge), f'{{type: hmac, key: "${{env:SECRET}}", digest: sha1, sign: "{sign}", '
                                                  "name: X-Sign, timestamp_name: X-Time, timestamp_format: iso}"))

    def test_requests_are_signed_for_aws(self):
        def judge(request):
            credential = request.headers["Authorization"].split("Credential=")[1].split(",")[0]
            day, region, service = credential.split("/")[1:4]
            canonical = (f"{request.method}\n{request.path}\n{request.query}\nhost:{request.headers['Host']}\n"
                         f"x-amz-date:{request.headers['X-Amz-Date']}\n\nhost;x-amz-date\n{hashlib.sha256(b'').hexdigest()}")
            text = "\n".join(["AWS4-HMAC-SHA256", request.headers["X-Amz-Date"], f"{day}/{region}/{service}/aws4_request",
                              hashlib.sha256(canonical.encode()).hexdigest()])
            key = b"AWS4" + SECRETS["SECRET"].encode()
            for part in (day, region, service, "aws4_request"):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            good = request.headers["Authorization"].endswith("Signature=" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest())
            return ROWS if good and region == "eu-west-1" else (403, {})
        self.load(self.project(self.serve(judge), '{type: aws_sigv4, access_key_id: AKIDEXAMPLE, region: eu-west-1, '
                                                  'secret_access_key: "${env:SECRET}"}'))

    def test_a_session_that_ends_is_begun_anew(self):
        logins = []

        def judge(request):
            if request.path == "/login":
                logins.append(request.json())
                return {"data": {"token": f"session-token-{len(logins)}"}}
            # The first session is over when it is used.
            return ROWS if request.headers["X-Session"] == "session-token-2" else (401, {})
        server = self.serve(judge)
        self.load(self.project(server, f'{{type: session, url: "{server.url}/login", token_path: data.token, name: X-Session, scheme: "", '
                                       'body: {user: "${env:USER}", password: "${env:PASSWORD}"}}'))
        self.assertEqual(logins, [{"user": SECRETS["USER"], "password": SECRETS["PASSWORD"]}] * 2)

    def test_a_refused_login_is_told(self):
        server = self.serve(lambda request: (403, {"error": "no"}))
        project = self.project(server, f'{{type: session, url: "{server.url}/login", token_path: token, form: {{u: "${{env:PASSWORD}}"}}}}')
        result = project.firn("run")
        self.assertEqual(result.code, 4, str(result))
        self.assertIn("E0550", result.err)
        self.assertNotIn(SECRETS["PASSWORD"], result.out + result.err)
        self.assertEqual(server.count("/v1/orders"), 0)

    def test_a_server_that_asks_for_a_certificate_gets_it(self):
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=authority",
                folder=self.folder)
        with open(os.path.join(self.folder, "names"), "w") as file:
            file.write("subjectAltName=IP:127.0.0.1\n")
        for name in ("server", "client"):
            openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", folder=self.folder)
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                    "-extfile", "names", "-out", f"{name}.crt", folder=self.folder)
        openssl("ec", "-in", "client.key", "-aes256", "-passout", f"pass:{SECRETS['PASSWORD']}", "-out", "sealed.key",
                folder=self.folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=os.path.join(self.folder, "ca.crt"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(os.path.join(self.folder, "server.crt"), os.path.join(self.folder, "server.key"))
        server = self.serve(lambda request: ROWS, context)
        trust = f"ca_file: {self.folder}/ca.crt"
        key = f"client_cert: {self.folder}/client.crt, client_key: {self.folder}/"
        self.load(self.project(server, "", f"{{{trust}, {key}client.key}}"))
        self.load(self.project(server, "", f'{{{trust}, {key}sealed.key, client_key_password: "${{env:PASSWORD}}"}}'))
        served = len(server.requests)
        for http in (f"{{{trust}}}", f"{{{trust}, {key}sealed.key}}"):
            self.assertNotEqual(self.project(server, "", http[:-1] + "}").firn("run").code, 0)
        self.assertEqual(len(server.requests), served)


if __name__ == "__main__":
    binary()
    if shutil.which("openssl") is None:
        skip("the openssl command is missing")
    unittest.main(verbosity=2)
