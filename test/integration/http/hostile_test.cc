// Drives hostile_server.py, another process, through session and client: every fault and its outcome, then TLS.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "io/http_session.h"
#include "io/temporary_folder.h"

namespace firn::io {
namespace {

using std::chrono::milliseconds;

class HostileServer {
 public:
  explicit HostileServer(std::vector<std::string> arguments = {}) {
    int in[2];
    int out[2];
    FIRN_CHECK(::pipe(in) == 0 && ::pipe(out) == 0);
    pid_ = ::fork();
    FIRN_CHECK(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::close(in[1]);
      std::vector<char*> argv = {const_cast<char*>("python3"), const_cast<char*>(FIRN_HOSTILE_SERVER)};
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      ::execvp("python3", argv.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    stdin_ = in[1];
    std::FILE* output = ::fdopen(out[0], "r");
    if (std::fscanf(output, "port %d", &port_) != 1) port_ = 0;
    std::fclose(output);
  }
  ~HostileServer() {
    ::close(stdin_);
    ::waitpid(pid_, nullptr, 0);
  }
  int port() const { return port_; }

 private:
  pid_t pid_ = -1;
  int stdin_ = -1;
  int port_ = 0;
};

struct Expectation {
  std::vector<const char*> faults;
  std::optional<Fault> fault;  // nullopt: the page comes, whole
  int num_requests;
};

class HostileTest : public ::testing::Test {
 protected:
  Result<HttpResponse> Send(HttpClient& client, const std::string& url) {
    HttpSession session(client, *clock_, {.backoff = {.attempts_max = 4}, .sleep_scale = 0.0005});
    auto response = session.Send({.url = url,
                                  .timeouts = {.connect = milliseconds(5'000),
                                               .first_byte = milliseconds(300),
                                               .idle = milliseconds(300),
                                               .total = milliseconds(10'000)}},
                                 {});
    num_requests_ = session.counters().num_requests;
    return response;
  }
  void Check(const Expectation& expectation, const std::string& suffix) {
    for (const char* name : expectation.faults) {
      SCOPED_TRACE(name + suffix);
      const auto client = MakeHttpClient({.decoded_ratio_max = 500}).ValueOrDie();
      const auto response =
          Send(*client, "http://127.0.0.1:" + std::to_string(server_.port()) + "/" + name + suffix + "/items?page=2");
      if (expectation.fault) {
        ASSERT_FALSE(response.ok());
        EXPECT_EQ(FaultOf(response.status()), *expectation.fault) << response.status();
      } else {
        ASSERT_TRUE(response.ok()) << response.status();
        EXPECT_NE(response->text().find("\"next\": 3"), std::string_view::npos) << response->text();
      }
      EXPECT_EQ(num_requests_, expectation.num_requests);
    }
  }

  const std::unique_ptr<Clock> clock_ = MakeSystemClock().ValueOrDie();
  HostileServer server_;
  int64_t num_requests_ = 0;
};

TEST_F(HostileTest, EveryFaultHasItsOutcome) {
  ASSERT_NE(server_.port(), 0) << "python3 did not start the server";
  const std::vector<const char*> passing = {"slow_loris",
                                            "silent",
                                            "close",
                                            "reset",
                                            "truncated",
                                            "truncated_reset",
                                            "truncated_hang",
                                            "length_too_small",
                                            "bad_chunk",
                                            "no_last_chunk",
                                            "not_http",
                                            "corrupt_gzip",
                                            "cut_gzip",
                                            "429",
                                            "429_retry_after",
                                            "429_malformed",
                                            "500",
                                            "502",
                                            "503",
                                            "504"};
  Check({passing, std::nullopt, 3}, "");
  Check({passing, Fault::kUnreachable, 4}, "*0");
  Check({{"429_absurd"}, Fault::kUnreachable, 1}, "*0");
  Check({{"gzip_bomb", "header_flood", "huge_header"}, Fault::kBadData, 1}, "*0");
  Check({{"redirect_loop", "404", "410"}, Fault::kConfig, 1}, "*0");
  Check({{"401", "403"}, Fault::kAuth, 1}, "*0");
}

TEST_F(HostileTest, OnlyATrustedCertificateWillDo) {
  TemporaryFolder folder;
  const std::string key = folder.path() + "/key.pem";
  const std::string cert = folder.path() + "/cert.pem";
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
      "-addext subjectAltName=DNS:localhost -keyout " +
      key + " -out " + cert + " 2>/dev/null";
  if (std::system(make.c_str()) != 0) GTEST_SKIP() << "the openssl command is missing";
  HostileServer tls({"--tls", cert, key});
  const std::string port = std::to_string(tls.port());
  const auto trusting = MakeHttpClient({.ca_file = cert}).ValueOrDie();
  EXPECT_TRUE(Send(*trusting, "https://localhost:" + port + "/none/items").ok());
  EXPECT_EQ(FaultOf(Send(*trusting, "https://127.0.0.1:" + port + "/none/items").status()),
            Fault::kConfig);  // other name
  const auto usual = MakeHttpClient().ValueOrDie();
  const Status status = Send(*usual, "https://localhost:" + port + "/none/items").status();
  EXPECT_EQ(FaultOf(status), Fault::kConfig);
  EXPECT_NE(status.message().find("not trusted"), std::string::npos) << status;
  EXPECT_EQ(num_requests_, 1);
  EXPECT_EQ(FaultOf(MakeHttpClient({.ca_file = "/nonexistent"}).status()), Fault::kConfig);
  ::setenv("FIRN_CA_FILE", cert.c_str(), 1);
  EXPECT_TRUE(Send(*MakeHttpClient().ValueOrDie(), "https://localhost:" + port + "/none/items").ok());
  ::unsetenv("FIRN_CA_FILE");
}

}  // namespace
}  // namespace firn::io
