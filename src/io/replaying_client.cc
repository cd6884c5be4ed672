#include "io/replaying_client.h"

#include <algorithm>
#include <utility>

#include "base/redactor.h"
#include "io/body_buffer.h"
#include "io/body_file.h"
#include "io/json_layout.h"

namespace firn::io {
namespace {

class Answered : public PendingResponse {
 public:
  explicit Answered(Result<HttpResponse> response) : response_(std::move(response)) {}
  Result<HttpResponse> Wait(std::stop_token stop) override {
    if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped before a request");
    return std::move(response_);
  }

 private:
  Result<HttpResponse> response_;
};

// A secret that stood in an answer is "***" there, and may be encoded before it is sent.
std::string WithPlainStars(std::string text) {
  constexpr std::string_view kEncoded = "%2A%2A%2A";
  for (size_t at = text.find(kEncoded); at != std::string::npos; at = text.find(kEncoded)) {
    text.replace(at, kEncoded.size(), "***");
  }
  return text;
}

std::string Shortened(std::string_view text) {
  constexpr size_t kShown = 160;
  return std::string(text.substr(0, kShown)) + (text.size() > kShown ? "…" : "");
}

size_t SameBytes(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

// "GET /v1/orders?page=2" of the key of a request.
std::string WithoutOrigin(const std::string& key) {
  const size_t url = key.find(' ') + 1;
  const size_t host = key.find("://", url);
  if (host == std::string::npos || host > key.find('\n')) return key;
  return key.substr(0, url) + key.substr(std::min(key.find_first_of("/?\n", host + 3), key.size()));
}

}  // namespace

std::string RequestKey(const std::string& method, const std::string& url, const std::string& body) {
  const auto compact = LayOutJson(body, JsonLayout::kCompact);
  const std::string text = method + " " + url.substr(0, url.find('#')) + "\n" + (compact.ok() ? *compact : body);
  return WithPlainStars(ProcessRedactor().Redact(text));
}

ReplayingClient::ReplayingClient(std::vector<Exchange> tape) : tape_(std::move(tape)) {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < tape_.size(); ++i) {
    answers_[RequestKey(tape_[i].method, tape_[i].url, tape_[i].request_body)].exchanges.push_back(i);
  }
}

std::unique_ptr<PendingResponse> ReplayingClient::SendAsync(HttpRequest request) {
  return std::make_unique<Answered>(Answer(request));
}

Result<HttpResponse> ReplayingClient::Answer(const HttpRequest& request) {
  const std::string key = RequestKey(request.method, request.url, request.body);
  MutexLock lock(mutex_);
  const auto found = answers_.find(key);
  if (found == answers_.end()) return NotOnTape(key);
  Answers& answers = found->second;
  const bool used_up = answers.next == answers.exchanges.size();
  if (used_up && request.method != "GET") return NotOnTape(key);
  const Exchange& exchange = tape_[answers.exchanges[used_up ? answers.next - 1 : answers.next++]];
  BodyBuffer body(request.body_bytes_max, nullptr);
  if (request.body_file != nullptr && exchange.status >= 200 && exchange.status < 300) {
    ARROW_RETURN_NOT_OK(request.body_file->Clear());
    body.GoTo(*request.body_file);
  }
  ARROW_RETURN_NOT_OK(body.Append(exchange.body));
  HttpResponse response{.status = exchange.status,
                        .headers = exchange.headers,
                        .effective_url = exchange.effective_url.empty() ? request.url : exchange.effective_url,
                        .wire_bytes = static_cast<int64_t>(exchange.body.size())};
  ARROW_ASSIGN_OR_RAISE(response.body, body.Finish());
  return response;
}

// The nearest is the one that begins alike for longest, wherever the API is.
Status ReplayingClient::NotOnTape(const std::string& key) const {
  std::string nearest;
  for (const Exchange& exchange : tape_) {
    const std::string other = RequestKey(exchange.method, exchange.url, exchange.request_body);
    const auto nearness = [&](const std::string& text) {
      return std::pair(SameBytes(WithoutOrigin(key), WithoutOrigin(text)), SameBytes(key, text));
    };
    if (nearest.empty() || nearness(other) > nearness(nearest)) nearest = other;
  }
  std::string why = "the tape is empty";
  if (nearest == key) {
    why = "it was sent more often than it was recorded";
  } else if (!nearest.empty()) {
    const size_t same = SameBytes(key, nearest);
    why = "the nearest on the tape is " + Shortened(nearest) + "; from there on they differ: asked `" +
          Shortened(std::string_view(key).substr(same)) + "`, recorded `" +
          Shortened(std::string_view(nearest).substr(same)) + "`";
  }
  return MakeError(Fault::kConfig, "the request is not on the tape: " + Shortened(key.substr(0, key.find('\n'))),
                   {.code = "E0740",
                    .why = why,
                    .state = "nothing was sent, nothing was written",
                    .next = "firn test --record, if it is meant to be asked"});
}

}  // namespace firn::io
