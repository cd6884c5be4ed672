// Every fault of a hostile or broken HTTP server, through the whole stack (session, budget, client, sockets), with the
// outcome that must follow. A server may make us fail by name; it may never make us return less than it has.
#include <gtest/gtest.h>
#include <zlib.h>

#include <map>
#include <thread>

#include "io/http_session.h"
#include "io/scripted_server.h"

namespace firn::io {
namespace {

using std::chrono::milliseconds;
using End = ScriptedReply::End;

const std::string kPage = "{\"items\":[1,2,3]}";

std::string Gzip(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

ScriptedReply Raw(std::string bytes, End end = End::kClose) {
  return {.bytes = std::move(bytes), .end = end};
}
ScriptedReply Drip(ScriptedReply reply, size_t bytes, milliseconds pause) {
  reply.piece_bytes = bytes;
  reply.piece_pause = pause;
  return reply;
}
ScriptedReply Chunked(const std::string& body) {
  return Raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
}
ScriptedReply WithLength(size_t length, const std::string& body, End end = End::kClose) {
  return Raw("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n" + body, end);
}
ScriptedReply Gzipped(const std::string& body) {
  return Reply(200, body, {{"Content-Encoding", "gzip"}});
}

struct FaultCase {
  const char* name;
  std::vector<ScriptedReply> script;  // one per request; the last one repeats
  std::optional<Fault> expected;      // nullopt: a complete response
  int num_requests;                   // that the server must have seen
  std::string body = kPage;           // of the complete response
};

std::vector<FaultCase> Faults() {
  const ScriptedReply good = Reply(200, kPage);
  const std::string packed = Gzip(std::string(3'000, 'x'));
  std::string flipped = packed;
  flipped[packed.size() / 2] ^= 0x40;
  std::string flood = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10'000; ++i) flood += "X-Flood-" + std::to_string(i) + ": aaaaaaaaaaaaaaaaaaaaaaaa\r\n";
  const auto throttled = [](const char* after) { return Reply(429, "", {{"Retry-After", after}}); };
  return {
      // F10, passing faults: retried, then complete
      {"slow loris: headers drip for ever", {Drip(good, 1, milliseconds(20)), good}, {}, 2},
      {"one byte at a time, but in time", {Drip(good, 1, milliseconds(0))}, {}, 1},
      {"silence after the request", {Raw("", End::kHang), good}, {}, 2},
      {"silence in the body", {WithLength(100, "{\"items\"", End::kHang), good}, {}, 2},
      {"body cut short with 200", {WithLength(500, kPage), good}, {}, 2},
      {"Content-Length too small", {WithLength(9, kPage), good}, {}, 2},
      {"reset in the body", {WithLength(500, kPage, End::kReset), good}, {}, 2},
      {"closed before any byte", {Raw(""), good}, {}, 2},
      {"reset before any byte", {Raw("", End::kReset), good}, {}, 2},
      {"chunk size is no number", {Chunked("xyz\r\n" + kPage + "\r\n0\r\n\r\n"), good}, {}, 2},
      {"last chunk missing", {Chunked("11\r\n" + kPage + "\r\n"), good}, {}, 2},
      {"chunk shorter than announced", {Chunked("ff\r\n" + kPage + "\r\n"), good}, {}, 2},
      {"corrupt gzip", {Gzipped(flipped), good}, {}, 2},
      {"gzip cut short, Content-Length right", {Gzipped(packed.substr(0, packed.size() - 4)), good}, {}, 2},
      {"says gzip, is plain", {Gzipped(kPage), good}, {}, 2},
      {"answer is not HTTP", {Raw("SSH-2.0-OpenSSH_9.2\r\n"), good}, {}, 2},
      // F10, lasting faults: an end with a name
      {"always cut short", {WithLength(500, kPage)}, Fault::kUnreachable, 4},
      {"always silent", {Raw("", End::kHang)}, Fault::kUnreachable, 4},
      {"gzip bomb", {Gzipped(Gzip(std::string(30 << 20, '\0')))}, Fault::kBadData, 1},
      {"endless body", {WithLength(size_t{1} << 40, kPage, End::kHang)}, Fault::kBadData, 1},
      {"header flood", {Raw(flood + "\r\n")}, Fault::kBadData, 1},
      {"one huge header", {Raw("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'a') + "\r\n\r\n")}, Fault::kBadData, 1},
      {"redirect to itself", {Reply(302, "", {{"Location", "/"}})}, Fault::kConfig, 1},
      {"redirect to another scheme", {Reply(302, "", {{"Location", "file:///etc/passwd"}})}, Fault::kConfig, 1},
      // what is whole at this layer is for the format layer to judge
      {"HTML with 200", {Reply(200, "<html>maintenance</html>")}, {}, 1, "<html>maintenance</html>"},
      {"invalid UTF-8", {Reply(200, "{\"a\":\"\xff\xfe\"}")}, {}, 1, "{\"a\":\"\xff\xfe\"}"},
      {"empty body", {Reply(200, "")}, {}, 1, ""},
      // F11
      {"429 storm without Retry-After", {Reply(429, ""), Reply(429, ""), Reply(429, ""), good}, {}, 4},
      {"429 storm with Retry-After", {throttled("2"), throttled("1"), good}, {}, 3},
      {"429 with an absurd Retry-After", {throttled("31536000"), good}, Fault::kUnreachable, 1},
      {"429 with a malformed Retry-After", {throttled("later"), good}, {}, 2},
      {"429 for ever", {Reply(429, "")}, Fault::kUnreachable, 4},
      {"burst of 500, 501, 502", {Reply(500, ""), Reply(501, ""), Reply(502, ""), good}, {}, 4},
      {"burst of 503, 504", {Reply(503, ""), Reply(504, ""), good}, {}, 3},
      {"503 for ever", {Reply(503, "")}, Fault::kUnreachable, 4},
      {"401 once", {Reply(401, ""), good}, {}, 2},
      {"401 for ever", {Reply(401, "")}, Fault::kAuth, 2},
      {"403", {Reply(403, ""), good}, Fault::kAuth, 1},
      {"404", {Reply(404, ""), good}, Fault::kConfig, 1},
      {"410", {Reply(410, ""), good}, Fault::kConfig, 1},
  };
}

class RenewingAuthorizer : public HttpAuthorizer {
 public:
  Status Authorize(HttpRequest& request, std::stop_token) override {
    request.headers.Set("Authorization", "Bearer t");
    return Status::OK();
  }
  Result<bool> Renew(const HttpRequest&, std::stop_token) override { return true; }
};

TEST(HostileServer, EveryFaultHasItsOutcome) {
  const auto clock = MakeSystemClock().ValueOrDie();
  for (FaultCase& fault : Faults()) {
    SCOPED_TRACE(fault.name);
    const auto server = ScriptedServer::Start([&](const ScriptedRequest& request) {
                          const size_t last = fault.script.size() - 1;
                          return fault.script[std::min(static_cast<size_t>(request.ordinal), last)];
                        }).ValueOrDie();
    const auto client = MakeHttpClient({.header_bytes_max = 64 << 10, .decoded_ratio_max = 500}).ValueOrDie();
    RenewingAuthorizer authorizer;
    HttpSession session(*client, *clock,
                        {.backoff = {.base_ms = 500, .total_ms = 600'000, .attempts_max = 4},
                         .sleep_scale = 0.0005,
                         .authorizer = &authorizer});
    const auto response = session.Send({.url = server->Url("/"),
                                        .timeouts = {.connect = milliseconds(2'000),
                                                     .first_byte = milliseconds(200),
                                                     .idle = milliseconds(200),
                                                     .total = milliseconds(5'000)}},
                                       {});
    if (fault.expected) {
      ASSERT_FALSE(response.ok());
      EXPECT_EQ(FaultOf(response.status()), *fault.expected) << response.status();
    } else {
      ASSERT_TRUE(response.ok()) << response.status();
      EXPECT_EQ(response->text(), fault.body);
    }
    EXPECT_EQ(server->num_requests(), fault.num_requests);
  }
}

}  // namespace
}  // namespace firn::io
