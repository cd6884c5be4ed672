#include "io/exchange_tape.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/redactor.h"
#include "io/recording_client.h"
#include "io/replaying_client.h"
#include "io/scripted_server.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

namespace fs = std::filesystem;

std::string CodeOf(const Status& status) {
  const ErrorContext* context = status.ok() ? nullptr : ContextOf(status);
  return context == nullptr ? "" : context->code;
}

Exchange Get(const std::string& target, const std::string& body, int status = 200) {
  return {.method = "GET", .url = "https://api.example" + target, .status = status, .body = body};
}

void ExpectSame(const Exchange& a, const Exchange& b) {
  EXPECT_EQ(a.method, b.method);
  EXPECT_EQ(a.url, b.url);
  EXPECT_EQ(a.request_body, b.request_body);
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.effective_url, b.effective_url);
  EXPECT_EQ(a.body, b.body);
  EXPECT_EQ(a.headers.Get("link"), b.headers.Get("link"));
}

TEST(ExchangeTape, ReadsBackWhatItWrites) {
  Exchange posted{.method = "POST",
                  .url = "https://api.example/graphql",
                  .request_body = R"({"query":"{ orders }","page":1.50})",
                  .status = 201,
                  .effective_url = "https://api.example/v2/graphql",
                  .headers = {{"link", "<https://api.example/next>; rel=\"next\""}},
                  .body = R"({"id":12345678901234567890.10})"};
  const Exchange form{.method = "POST", .url = "https://a.example/token", .request_body = "a=1&b=2", .status = 204};
  for (const Exchange& exchange : {posted, form, Get("/v1/orders", ""), Get("/v1/lines", "{\"id\":1}\n{\"id\":2}\n"),
                                   Get("/v1/text", "a,b\r\n1,2"), Get("/v1/text", "=== answer 500\nbody: json\n")}) {
    const std::string text = TapeText(exchange).ValueOrDie();
    const auto read = ParseTape(text, "it.txt");
    ASSERT_TRUE(read.ok()) << read.status() << text;
    ExpectSame(*read, exchange);
  }
}

TEST(ExchangeTape, MayHaveTheLineEndsOfWindows) {
  Exchange exchange = Get("/v1/orders", "[{\"a\":1},{\"b\":\"x\"}]");
  exchange.headers = {{"link", "<x>; rel=\"next\""}};
  exchange.request_body = "a\nb";
  std::string windows;
  for (const char c : TapeText(exchange).ValueOrDie()) windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  ExpectSame(ParseTape(windows, "x.txt").ValueOrDie(), exchange);
}

TEST(ExchangeTape, IsTextForPeople) {
  Exchange exchange = Get("/v1/orders?page=2", R"({"data":[{"id":1}]})");
  exchange.headers.Add("Content-Type", "application/json");
  EXPECT_EQ(TapeText(exchange).ValueOrDie(),
            "firn tape 1\nGET https://api.example/v1/orders?page=2\nbody: empty\n=== answer 200\n"
            "content-type: application/json\nbody: json\n{\n  \"data\": [\n    {\n      \"id\": 1\n    }\n  ]\n}\n");
}

TEST(ExchangeTape, RefusesABodyThatIsNoText) {
  EXPECT_EQ(CodeOf(TapeText(Get("/", std::string("a\0b", 3))).status()), "E0742");
  Exchange exchange = Get("/", "");
  exchange.request_body = "a\n=== answer 200\n";
  EXPECT_EQ(CodeOf(TapeText(exchange).status()), "E0742");
}

TEST(ExchangeTape, NamesFileAndLineOfWhatIsBroken) {
  const std::string whole = TapeText(Get("/v1/orders", R"({"id":1})")).ValueOrDie();
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto read = ParseTape(std::string_view(whole).substr(0, size), "it.txt");
    ASSERT_EQ(CodeOf(read.status()), "E0741") << size;
    ASSERT_NE(read.status().message().find("it.txt:"), std::string::npos) << read.status();
  }
  EXPECT_EQ(CodeOf(ParseTape("firn tape 2\n" + whole.substr(12), "it.txt").status()), "E0741");
}

TEST(ExchangeTape, FilesAreTheSameInWhateverOrderTheAnswersCame) {
  const std::vector<Exchange> all = {Get("/v1/orders?page=10", "[10]"), Get("/v1/orders?page=2", "[2]"),
                                     Get("/v1/orders", "[1]"), Get("/v1/Orders/7/items", "[]"),
                                     Get("/v1/orders", "[1,2]")};
  std::vector<Exchange> other = {all[3], all[2], all[0], all[4], all[1]};
  const TemporaryFolder folder;
  const fs::path a = folder.path() + "/a", b = folder.path() + "/b";
  ASSERT_TRUE(WriteTape(a, all).ok());
  ASSERT_TRUE(WriteTape(b, {Get("/v1/stale", "1")}).ok());
  ASSERT_TRUE(WriteTape(b, other).ok());
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(b)) names.insert(entry.path().filename().string());
  EXPECT_EQ(names, (std::set<std::string>{"get-v1-orders-0001.txt", "get-v1-orders-0002.txt", "get-v1-orders-0003.txt",
                                          "get-v1-orders-0004.txt", "get-v1-orders-7-items-0001.txt"}));
  const auto read = ReadTape(a).ValueOrDie(), again = ReadTape(b).ValueOrDie();
  ASSERT_EQ(read.size(), all.size());
  for (size_t i = 0; i < read.size(); ++i) ExpectSame(read[i], again[i]);
  EXPECT_EQ(read[0].body, "[1]");
  EXPECT_EQ(read[1].body, "[1,2]");
  EXPECT_EQ(read[3].url, "https://api.example/v1/orders?page=10");
}

TEST(ExchangeTape, RefusesATapeThatIsTooLarge) {
  const TemporaryFolder folder;
  EXPECT_EQ(CodeOf(WriteTape(folder.path(), {Get("/", std::string(kTapeBytesMax, 'x'))})), "E0743");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

Result<HttpResponse> Ask(HttpClient& client, const std::string& method, const std::string& url, std::string body = "") {
  return client.Send({.method = method, .url = url, .body = std::move(body)}, {});
}

TEST(ReplayingClient, GivesEqualRequestsTheirAnswersInOrder) {
  ReplayingClient client({Get("/a", "[1]"), Get("/a", "[2]"), Get("/b", "[3]")});
  for (const char* body : {"[1]", "[2]", "[2]"}) {
    const auto answer = Ask(client, "GET", "https://api.example/a");
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->text(), body);
  }
}

TEST(ReplayingClient, RepeatsNoAnswerToAPost) {
  Exchange posted{.method = "POST", .url = "https://api.example/a", .request_body = "{\"x\": 1}", .status = 200};
  ReplayingClient client({posted});
  EXPECT_TRUE(Ask(client, "POST", posted.url, "{\"x\":1}").ok());
  const auto again = Ask(client, "POST", posted.url, "{\"x\":1}");
  EXPECT_EQ(CodeOf(again.status()), "E0740");
  EXPECT_NE(ContextOf(again.status())->why.find("more often"), std::string::npos);
}

TEST(ReplayingClient, NamesTheNearestOfARequestThatIsNotThere) {
  ReplayingClient client({Get("/v1/orders?since=2024", "[]"), Get("/v1/customers", "[]")});
  const auto answer = Ask(client, "GET", "https://api.example/v1/orders?after=2024");
  ASSERT_EQ(CodeOf(answer.status()), "E0740");
  const std::string& why = ContextOf(answer.status())->why;
  EXPECT_NE(why.find("asked `after=2024"), std::string::npos) << why;
  EXPECT_NE(why.find("recorded `since=2024"), std::string::npos) << why;
  EXPECT_EQ(ContextOf(Ask(client, "GET", "https://api.example/").status())->state,
            "nothing was sent, nothing was written");
}

TEST(ReplayingClient, TheNearestIsOfTheSamePathAtAnotherPort) {
  ReplayingClient client({Get("/a", "[]"), Get("/v1/orders", "[]"), Get("/z", "[]")});
  const auto answer = Ask(client, "GET", "http://127.0.0.1:81/v1/orders");
  EXPECT_NE(ContextOf(answer.status())->why.find("recorded `s://api.example/v1/orders"), std::string::npos)
      << ContextOf(answer.status())->why;
}

TEST(ReplayingClient, ASecretIsTheSameAsItsStars) {
  ProcessRedactor().AddSecret("canary-of-this-test");
  ReplayingClient client({Get("/a?key=***", "[1]")});
  EXPECT_TRUE(Ask(client, "GET", "https://api.example/a?key=canary-of-this-test").ok());
  EXPECT_TRUE(Ask(client, "GET", "https://api.example/a?key=%2A%2A%2A").ok());
}

TEST(RecordingClient, KeepsWhatWasAskedAndAnswered) {
  const auto server = ScriptedServer::Start([](const ScriptedRequest& request) {
                        return Reply(request.target == "/a" ? 200 : 404, "[" + request.body + "]");
                      }).ValueOrDie();
  const auto inner = MakeHttpClient().ValueOrDie();
  RecordingClient client(*inner);
  EXPECT_EQ(Ask(client, "POST", server->Url("/a"), "1").ValueOrDie().text(), "[1]");
  EXPECT_EQ(Ask(client, "GET", server->Url("/b")).ValueOrDie().status, 404);
  const auto kept = client.Take();
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].method + " " + kept[0].url + " " + kept[0].request_body, "POST " + server->Url("/a") + " 1");
  EXPECT_EQ(kept[0].body, "[1]");
  EXPECT_EQ(kept[1].status, 404);
  EXPECT_TRUE(client.Take().empty());
}

}  // namespace
}  // namespace firn::io
