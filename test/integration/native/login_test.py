"""`firn auth login` with a provider that takes RFC 6749, 7636 and 8628 at their word."""

import base64
import hashlib
import os
import re
import stat
import sys
import unittest
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from judging_server import JudgingServer  # noqa: E402
from support.firn_project import FirnProject, binary, wait_until  # noqa: E402

ROWS = [{"id": n} for n in range(3)]
REFRESH = "refresh-token-of-a-login-"


class Provider:
    """Gives each refresh token once, and takes it once."""

    def __init__(self):
        self.refresh, self.number, self.pending = None, 0, 2
        self.challenge = self.redirect = None

    def judge(self, request):
        if request.path == "/v1/orders":
            return ROWS if request.headers["Authorization"] == "Bearer access-token-9" else (401, {})
        form = dict(urllib.parse.parse_qsl(request.body))
        if form.get("client_id") != "me" or form.get("client_secret") != "client-secret-7":
            return 401, {"error": "invalid_client"}
        if request.path == "/device":
            return {"device_code": "device-code-5", "user_code": "WDJB-MJHT", "verification_uri": "https://login.example/go", "interval": 1}
        return self.token(form)

    def token(self, form):
        grant = form["grant_type"]
        if grant == "authorization_code":
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            proven = base64.urlsafe_b64encode(digest).decode().rstrip("=") == self.challenge
            if not proven or form["code"] != "code-1" or form["redirect_uri"] != self.redirect:
                return 400, {"error": "invalid_grant"}
        elif grant == "urn:ietf:params:oauth:grant-type:device_code":
            self.pending -= 1
            if self.pending >= 0 or form["device_code"] != "device-code-5":
                return 400, {"error": "authorization_pending"}
        elif grant != "refresh_token" or form["refresh_token"] != self.refresh:
            return 400, {"error": "invalid_grant"}
        self.number += 1
        self.refresh = REFRESH + str(self.number)
        return {"access_token": "access-token-9", "refresh_token": self.refresh, "expires_in": 3600}


class LoginTest(unittest.TestCase):
    def setUp(self):
        self.provider = Provider()
        self.server = JudgingServer(self.provider.judge)
        self.addCleanup(self.server.close)
        url = self.server.url
        self.project = FirnProject(f"""version: 1
pipelines:
  p:
    source:
      type: rest
      base_url: {url}
      auth: {{type: oauth2, grant: refresh_token, authorize_url: "{url}/authorize?prompt=consent", device_url: "{url}/device",
        token_url: "{url}/token", client_id: me, client_secret: "${{env:CLIENT_SECRET}}", scopes: [read, offline]}}
    tables:
      orders: {{path: /v1/orders, records: ., paginate: none, primary_key: id}}
""", env={"CLIENT_SECRET": "client-secret-7"})
        self.addCleanup(self.project.__exit__)

    def said(self):
        with open(self.project.path("stderr.txt")) as file:
            return file.read()

    def begin(self, *arguments):
        """Starts a login, and returns the process and where the browser is to go."""
        process = self.project.start("auth", "login", "p", *arguments)
        self.addCleanup(process.kill)
        wait_until(lambda: re.search(r"^open  \S+\n", self.said(), re.M) or process.poll() is not None, "an address to open")
        return process, re.search(r"^open  (\S+)$", self.said(), re.M).group(1)

    def come_back(self, url, **fields):
        """What a browser does that the provider sends back; the status that firn answers with."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        self.provider.challenge, self.provider.redirect = query["code_challenge"], query["redirect_uri"]
        self.assertEqual((query["prompt"], query["scope"], query["code_challenge_method"]), ("consent", "read offline", "S256"))
        fields = {"state": query["state"], **fields}
        try:
            with urllib.request.urlopen(query["redirect_uri"] + "?" + urllib.parse.urlencode(fields), timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    @staticmethod
    def holds_token(path):
        with open(path, "rb") as file:
            return REFRESH.encode() in file.read()

    def check_kept(self):
        """The runs after a login need nobody; the token is in one file that only its owner reads."""
        for _ in range(2):
            self.project.run()
        self.assertEqual(len(self.project.sql("select id from p.orders")), 3)
        holders = [path for path in self.project.files() if self.holds_token(path)]
        self.assertEqual(len(holders), 1, holders)
        self.assertTrue(holders[0].endswith(".token"))
        self.assertEqual(stat.S_IMODE(os.stat(holders[0]).st_mode), 0o600)

    def test_a_run_before_the_login_says_what_to_do(self):
        result = self.project.firn("run")
        self.assertEqual(result.code, 4, str(result))
        self.assertIn("firn auth login", result.err)

    def test_a_browser_logs_in(self):
        process, url = self.begin()
        self.assertEqual(self.come_back(url, state="of-somebody-else", code="code-2"), 400)
        self.assertEqual(self.come_back(url, code="code-1"), 200)
        self.assertEqual(process.wait(timeout=60), 0, self.said())
        self.assertNotIn(REFRESH, self.said())
        self.check_kept()

    def test_a_refused_login_is_told(self):
        process, url = self.begin()
        self.assertEqual(self.come_back(url, error="access_denied", error_description="not today"), 200)
        self.assertEqual(process.wait(timeout=60), 4, self.said())
        self.assertIn("E0555", self.said())
        self.assertIn("not today", self.said())

    def test_a_code_that_is_not_ours_is_refused(self):
        process, url = self.begin()
        self.assertEqual(self.come_back(url, code="code-3"), 200)
        self.assertEqual(process.wait(timeout=60), 4, self.said())
        self.assertIn("invalid_grant", self.said())

    def test_another_device_logs_in(self):
        process, url = self.begin("--device")
        self.assertEqual(url, "https://login.example/go")
        self.assertEqual(process.wait(timeout=60), 0, self.said())
        self.assertIn("WDJB-MJHT", self.said())
        self.assertNotIn(REFRESH, self.said())
        self.check_kept()

    def test_a_source_without_a_login_is_told(self):
        self.project.write("version: 1\npipelines:\n  p:\n    source: {type: rest, base_url: \"https://api.example\"}\n"
                           "    tables: {orders: {}}\n")
        result = self.project.firn("auth", "login", "p")
        self.assertEqual(result.code, 2, str(result))
        self.assertIn("E0556", result.err)


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
