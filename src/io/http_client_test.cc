#include "io/http_client.h"

#include <arrow/buffer.h>
#include <arrow/util/compression.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <thread>

#include "base/redactor.h"
#include "io/scripted_server.h"

namespace firn::io {
namespace {

std::string Gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string Brotli(const std::string& text) {
  auto codec = arrow::util::Codec::Create(arrow::Compression::BROTLI).ValueOrDie();
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int64_t>(text.size());
  std::string out(static_cast<size_t>(codec->MaxCompressedLen(size, bytes)), '\0');
  const int64_t used =
      codec->Compress(size, bytes, static_cast<int64_t>(out.size()), reinterpret_cast<uint8_t*>(out.data()))
          .ValueOrDie();
  out.resize(static_cast<size_t>(used));
  return out;
}

HttpTimeouts Short() {
  using std::chrono::milliseconds;
  return {.connect = milliseconds(2'000),
          .first_byte = milliseconds(60),
          .idle = milliseconds(60),
          .total = milliseconds(400)};
}

class HttpClientTest : public ::testing::Test {
 protected:
  void Serve(ScriptedServer::Handler handler) { server_ = ScriptedServer::Start(std::move(handler)).ValueOrDie(); }
  void Serve(ScriptedReply reply) {
    Serve([reply](const ScriptedRequest&) { return reply; });
  }
  void ServeRaw(std::string bytes, ScriptedReply::End end = ScriptedReply::End::kClose) {
    Serve(ScriptedReply{.bytes = std::move(bytes), .end = end});
  }
  HttpRequest Get(const std::string& target = "/") { return {.url = server_->Url(target)}; }
  Result<HttpResponse> Send(HttpRequest request) { return client_->Send(std::move(request), {}); }
  void ExpectFault(HttpRequest request, Fault fault, const std::string& text) {
    const auto response = Send(std::move(request));
    ASSERT_FALSE(response.ok()) << "status " << response->status << ", body " << response->text().substr(0, 100);
    EXPECT_EQ(FaultOf(response.status()), fault) << response.status();
    EXPECT_NE(response.status().message().find(text), std::string::npos) << response.status();
  }

  std::unique_ptr<HttpClient> client_ = MakeHttpClient({.decoded_ratio_max = 200}).ValueOrDie();
  std::unique_ptr<ScriptedServer> server_;
};

TEST_F(HttpClientTest, ReturnsACompletePaddedBody) {
  Serve(Reply(200, "{\"a\":1}", {{"X-One", "1"}, {"x-one", "2"}}));
  const auto response = Send(Get()).ValueOrDie();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.text(), "{\"a\":1}");
  EXPECT_EQ(response.wire_bytes, 7);
  EXPECT_EQ(response.headers.GetAll("X-ONE"), (std::vector<std::string_view>{"1", "2"}));
  ASSERT_GE(response.body->capacity(), response.body->size() + kBodyPaddingBytes);
  for (int64_t i = 0; i < kBodyPaddingBytes; ++i) EXPECT_EQ(response.body->data()[response.body->size() + i], 0);
}

TEST_F(HttpClientTest, SendsWhatWasAsked) {
  ScriptedRequest seen;
  Serve([&](const ScriptedRequest& request) {
    seen = request;
    return Reply(204, "");
  });
  HttpRequest request = Get("/a?b=c%20d");
  request.method = "POST";
  request.body = "{}";
  request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
  const auto response = Send(request).ValueOrDie();
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.body->size(), 0);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/a?b=c%20d");
  EXPECT_EQ(seen.body, "{}");
  EXPECT_EQ(seen.headers.Get("content-type"), "application/json");
  EXPECT_EQ(seen.headers.Get("x-empty"), "");
  EXPECT_TRUE(seen.headers.Get("user-agent")->starts_with("firn/"));
  EXPECT_NE(seen.headers.Get("accept-encoding")->find("zstd"), std::string_view::npos);
}

TEST_F(HttpClientTest, KeepsConnectionsAlive) {
  Serve(Reply(200, "x"));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Send(Get()).ok());
  EXPECT_EQ(server_->num_connections(), 1);
}

TEST_F(HttpClientTest, RequestsRunInParallel) {
  Serve([](const ScriptedRequest& request) { return Reply(200, request.target); });
  std::vector<std::unique_ptr<PendingResponse>> pending;
  for (int i = 0; i < 40; ++i) pending.push_back(client_->SendAsync(Get("/" + std::to_string(i))));
  for (size_t i = 0; i < pending.size(); ++i) {
    EXPECT_EQ(pending[i]->Wait({}).ValueOrDie().text(), "/" + std::to_string(i));
  }
}

TEST_F(HttpClientTest, AnyStatusIsAResponse) {
  for (const int status : {200, 201, 400, 401, 404, 429, 500, 503, 599}) {
    Serve(Reply(status, "body"));
    EXPECT_EQ(Send(Get()).ValueOrDie().status, status);
  }
}

TEST_F(HttpClientTest, DecodesContentEncodings) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919 % 100'003) + ",";
  for (const auto& [name, body] : {std::pair<std::string, std::string>{"gzip", Gzip(text)},
                                   {"x-gzip", Gzip(text.substr(0, 1000)) + Gzip(text.substr(1000))},
                                   {"zstd", Zstd(text)},
                                   {"br", Brotli(text)},
                                   {"identity", text}}) {
    ScriptedReply reply = Reply(200, body, {{"Content-Encoding", name}});
    reply.piece_bytes = 10'007;
    Serve(reply);
    const auto response = Send(Get());
    ASSERT_TRUE(response.ok()) << name << ": " << response.status();
    EXPECT_TRUE(response->text() == text) << name;
    EXPECT_EQ(response->wire_bytes, static_cast<int64_t>(body.size()));
  }
}

TEST_F(HttpClientTest, RefusesCorruptCompression) {
  const std::string text(5'000, 'a');
  std::string broken = Gzip(text);
  broken[broken.size() / 2] ^= 0x55;
  std::string wrong_sum = Gzip(text);
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  const std::string cut = Gzip(text).substr(0, Gzip(text).size() - 9);
  for (const std::string& body : {broken, wrong_sum, cut, Gzip(text) + "tail", std::string("no gzip at all")}) {
    Serve(Reply(200, body, {{"Content-Encoding", "gzip"}}));
    ExpectFault(Get(), Fault::kTransient, "corrupt gzip body");
  }
  Serve(Reply(200, Brotli(text).substr(0, 5), {{"Content-Encoding", "br"}}));
  ExpectFault(Get(), Fault::kTransient, "corrupt br body");
  Serve(Reply(200, Zstd(text).substr(0, 12), {{"Content-Encoding", "zstd"}}));
  ExpectFault(Get(), Fault::kTransient, "corrupt zstd body");
  Serve(Reply(200, "x", {{"Content-Encoding", "rot13"}}));
  ExpectFault(Get(), Fault::kBadData, "content encoding");
}

TEST_F(HttpClientTest, RefusesBombsAndLargeBodies) {
  Serve(Reply(200, Gzip(std::string(50 << 20, '\0')), {{"Content-Encoding", "gzip"}}));
  ExpectFault(Get(), Fault::kBadData, "explodes");
  HttpRequest small = Get();
  small.body_bytes_max = 100'000;
  ExpectFault(small, Fault::kBadData, "larger than allowed");
  Serve(Reply(200, std::string(100'001, 'x')));
  small.url = server_->Url("/");
  ExpectFault(small, Fault::kBadData, "larger than allowed");
  ServeRaw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nx", ScriptedReply::End::kHang);
  ExpectFault(Get(), Fault::kBadData, "larger than allowed");
}

TEST_F(HttpClientTest, NeverReturnsAShortBody) {
  ServeRaw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2,3]");
  ExpectFault(Get(), Fault::kTransient, "body cut short");
  ServeRaw("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[1,2,3,4,5]");
  ExpectFault(Get(), Fault::kTransient, "wrong Content-Length");
  ServeRaw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n[1,2,3]\r\n");
  ExpectFault(Get(), Fault::kTransient, "");
  ServeRaw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[1,2,3]\r\n0\r\n\r\n");
  ExpectFault(Get(), Fault::kTransient, "");
  ServeRaw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2", ScriptedReply::End::kReset);
  ExpectFault(Get(), Fault::kTransient, "");
  ServeRaw("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  ExpectFault(Get(), Fault::kTransient, "cut short");
  ServeRaw("");
  ExpectFault(Get(), Fault::kTransient, "");
  ServeRaw("220 smtp.example ready\r\n");
  ExpectFault(Get(), Fault::kTransient, "not HTTP");
}

TEST_F(HttpClientTest, AnUnannouncedLengthEndsWithTheConnection) {  // legal; the format layer must notice a cut
  ServeRaw("HTTP/1.1 200 OK\r\n\r\n[1,2,3]");
  EXPECT_EQ(Send(Get()).ValueOrDie().text(), "[1,2,3]");
}

TEST_F(HttpClientTest, TimesOut) {
  ServeRaw("", ScriptedReply::End::kHang);
  HttpRequest request = Get();
  request.timeouts = Short();
  ExpectFault(request, Fault::kTransient, "no response headers within 60 ms");
  ServeRaw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1", ScriptedReply::End::kHang);
  request.url = server_->Url("/");
  request.timeouts.first_byte = request.timeouts.total = std::chrono::milliseconds(5'000);
  ExpectFault(request, Fault::kTransient, "no more of the body within 60 ms");
  ScriptedReply drip = Reply(200, std::string(1'000, 'x'));
  drip.piece_bytes = 1;
  drip.piece_pause = std::chrono::milliseconds(1);
  Serve(drip);
  request.url = server_->Url("/");
  request.timeouts.first_byte = request.timeouts.total = std::chrono::milliseconds(150);
  ExpectFault(request, Fault::kTransient, "within 150 ms");
}

TEST_F(HttpClientTest, StopEndsARequest) {
  ServeRaw("", ScriptedReply::End::kHang);
  std::stop_source stop;
  auto pending = client_->SendAsync(Get());
  Status status;
  std::thread waiter([&] { status = pending->Wait(stop.get_token()).status(); });
  stop.request_stop();
  waiter.join();
  EXPECT_EQ(FaultOf(status), Fault::kCancelled);
}

TEST_F(HttpClientTest, RefusedConnectionWasNotSent) {
  Serve(Reply(200, ""));
  const std::string url = server_->Url("/");
  server_.reset();
  const auto response = client_->Send({.url = url}, {});
  EXPECT_EQ(FaultOf(response.status()), Fault::kTransient);
  EXPECT_TRUE(WasNotSent(response.status()));
  ServeRaw("", ScriptedReply::End::kReset);
  EXPECT_FALSE(WasNotSent(Send(Get()).status()));
}

TEST_F(HttpClientTest, RefusesBadRequests) {
  for (const char* url : {"ftp://127.0.0.1/", "file:///etc/passwd", "http://", "http://a b/", "nonsense", ""}) {
    EXPECT_EQ(FaultOf(client_->Send({.url = url}, {}).status()), Fault::kConfig) << url;
  }
  Serve(Reply(200, ""));
  HttpRequest request = Get();
  request.headers = {{"X-A", "1\r\nX-Injected: 2"}};
  ExpectFault(request, Fault::kConfig, "header");
}

TEST_F(HttpClientTest, LimitsHeaders) {
  std::string flood = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 20'000; ++i) flood += "X-" + std::to_string(i) + ": aaaaaaaaaaaaaaaa\r\n";
  ServeRaw(flood + "Content-Length: 0\r\n\r\n");
  ExpectFault(Get(), Fault::kBadData, "header");
  ServeRaw("HTTP/1.1 200 OK\r\nX-Huge: " + std::string(2 << 20, 'a') + "\r\nContent-Length: 0\r\n\r\n");
  ExpectFault(Get(), Fault::kBadData, "header");
}

TEST_F(HttpClientTest, FollowsRedirectsAndKeepsCredentialsHome) {
  HttpHeaders elsewhere;
  auto other = ScriptedServer::Start([&](const ScriptedRequest& request) {
                 elsewhere = request.headers;
                 return Reply(200, "other");
               }).ValueOrDie();
  HttpHeaders home;
  Serve([&](const ScriptedRequest& request) {
    if (request.target == "/away") return Reply(302, "", {{"Location", other->Url("/x")}});
    if (request.target == "/start") return Reply(307, "", {{"Location", "sub/../home?x=1"}});
    home = request.headers;
    return Reply(200, request.target);
  });
  HttpRequest request = Get("/start");
  request.headers = {{"Authorization", "Bearer abc"}, {"X-Api-Key", "k"}, {"Cookie", "c"}, {"Accept", "text/plain"}};
  const auto same = Send(request).ValueOrDie();
  EXPECT_EQ(same.text(), "/home?x=1");
  EXPECT_EQ(same.num_redirects, 1);
  EXPECT_EQ(same.effective_url, server_->Url("/home?x=1"));
  EXPECT_EQ(home.Get("authorization"), "Bearer abc");
  request.url = server_->Url("/away");
  EXPECT_EQ(Send(request).ValueOrDie().text(), "other");
  EXPECT_FALSE(elsewhere.Has("authorization"));
  EXPECT_FALSE(elsewhere.Has("x-api-key"));
  EXPECT_FALSE(elsewhere.Has("cookie"));
  EXPECT_EQ(elsewhere.Get("accept"), "text/plain");
  request.follow_redirects = false;
  EXPECT_EQ(Send(request).ValueOrDie().status, 302);
}

TEST_F(HttpClientTest, PostBecomesGetWhereTheStandardSaysSo) {
  std::string method;
  Serve([&](const ScriptedRequest& request) {
    method = request.method + request.body;
    const int status = std::atoi(request.target.c_str() + 1);
    if (status == 0) return Reply(200, "");
    return Reply(status, "", {{"Location", "/end"}});
  });
  for (const auto& [status, expected] :
       {std::pair<int, std::string>{301, "GET"}, {302, "GET"}, {303, "GET"}, {307, "POSTx"}, {308, "POSTx"}}) {
    HttpRequest request = Get("/" + std::to_string(status));
    request.method = "POST";
    request.body = "x";
    ASSERT_TRUE(Send(request).ok());
    EXPECT_EQ(method, expected) << status;
  }
}

TEST_F(HttpClientTest, RefusesRedirectLoopsAndChains) {
  Serve([&](const ScriptedRequest& request) { return Reply(302, "", {{"Location", request.target}}); });
  ExpectFault(Get(), Fault::kConfig, "redirect loop");
  EXPECT_EQ(ContextOf(Send(Get()).status())->code, "E0925");
  Serve([&](const ScriptedRequest& request) { return Reply(302, "", {{"Location", request.target + "x"}}); });
  ExpectFault(Get(), Fault::kConfig, "more than 10 redirects");
  EXPECT_EQ(server_->num_requests(), 11);
  EXPECT_EQ(ContextOf(Send(Get()).status())->code, "E0925");
  Serve(Reply(302, "", {{"Location", "ftp://127.0.0.1/"}}));
  ExpectFault(Get(), Fault::kConfig, "redirect");
}

TEST_F(HttpClientTest, ErrorsShowNoSecrets) {
  ProcessRedactor().AddSecret("sesame-street");
  ServeRaw("");
  HttpRequest request = Get("/a?q=sesame-street&api_key=hidden");
  request.url.insert(7, "user:pass@");
  const std::string message = Send(request).status().ToString();
  for (const char* secret : {"sesame-street", "hidden", "user", "pass@"}) {
    EXPECT_EQ(message.find(secret), std::string::npos) << message;
  }
}

TEST_F(HttpClientTest, StatusErrorsSayWhoMustAct) {
  const std::pair<int, Fault> table[] = {
      {400, Fault::kConfig},    {401, Fault::kAuth},      {403, Fault::kAuth},      {404, Fault::kConfig},
      {407, Fault::kAuth},      {408, Fault::kTransient}, {409, Fault::kConflict},  {410, Fault::kConfig},
      {412, Fault::kConflict},  {422, Fault::kConfig},    {425, Fault::kTransient}, {429, Fault::kThrottled},
      {500, Fault::kTransient}, {501, Fault::kTransient}, {502, Fault::kTransient}, {503, Fault::kTransient},
      {504, Fault::kTransient}, {520, Fault::kTransient}, {302, Fault::kConfig}};
  HttpResponse response{.body = arrow::Buffer::FromString("{\"message\":\"Secret 12\"}")};
  for (const auto& [status, fault] : table) {
    response.status = status;
    EXPECT_EQ(FaultOf(HttpStatusError(response)), fault) << status;
    EXPECT_EQ(ContextOf(HttpStatusError(response))->why.find("Secret"), std::string::npos);
  }
  response.status = 503;
  response.headers.Add("Retry-After", "3");
  EXPECT_EQ(FaultOf(HttpStatusError(response)), Fault::kThrottled);
  response.status = 200;
  EXPECT_TRUE(HttpStatusError(response).ok());
}

TEST(DecompressIfNeeded, KnowsTheMagicBytes) {
  const std::string text = "{\"a\":1}\n{\"a\":2}\n";
  for (const std::string& body : {Gzip(text), Zstd(text), text}) {
    const auto plain = DecompressIfNeeded(arrow::Buffer::FromString(body), 1'000).ValueOrDie();
    EXPECT_EQ(plain->ToString(), text);
  }
  EXPECT_EQ(FaultOf(DecompressIfNeeded(arrow::Buffer::FromString(Gzip(text)), 5).status()), Fault::kBadData);
  EXPECT_EQ(FaultOf(DecompressIfNeeded(arrow::Buffer::FromString(Gzip(text).substr(0, 20)), 1'000).status()),
            Fault::kTransient);
  EXPECT_EQ(DecompressIfNeeded(arrow::Buffer::FromString(""), 5).ValueOrDie()->size(), 0);
}

}  // namespace
}  // namespace firn::io
