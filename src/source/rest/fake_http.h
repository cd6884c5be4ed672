#pragma once

#include <arrow/buffer.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "format/json/page.h"
#include "io/http_client.h"

/// For tests: an API that is a function of the request, without sockets.
namespace firn::source::rest {

struct FakeAnswer {
  std::string body;
  int status = 200;
  io::HttpHeaders headers;
  Status error;  // not ok: the exchange itself fails
};

/// The path and the decoded query of a request.
struct FakeRequest {
  explicit FakeRequest(const io::HttpRequest& from) : http(from) {
    std::string rest = from.url.substr(from.url.find('/', from.url.find("//") + 2));
    const size_t mark = rest.find('?');
    path = rest.substr(0, mark);
    while (mark != std::string::npos && !rest.empty()) {
      rest = rest.substr(std::min(rest.size(), rest.find_first_of("?&") + 1));
      const std::string item = rest.substr(0, rest.find('&'));
      const size_t equals = item.find('=');
      if (!item.empty()) query[Decode(item.substr(0, equals))] = Decode(item.substr(std::min(equals + 1, item.size())));
      if (rest.find('&') == std::string::npos) break;
      rest = rest.substr(rest.find('&'));
    }
  }
  static std::string Decode(const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && i + 2 < text.size()) {
        out.push_back(static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16)));
        i += 2;
      } else {
        out.push_back(text[i]);
      }
    }
    return out;
  }
  bool Has(const std::string& name) const { return query.count(name) > 0; }
  int64_t Int(const std::string& name, int64_t otherwise) const {
    return Has(name) ? std::stoll(query.at(name)) : otherwise;
  }
  const io::HttpRequest& http;
  std::string path;
  std::map<std::string, std::string> query;
};

class FakeHttp : public io::HttpClient {
 public:
  using Handler = std::function<FakeAnswer(const FakeRequest&)>;
  explicit FakeHttp(Handler handler) : handler_(std::move(handler)) {}

  std::unique_ptr<io::PendingResponse> SendAsync(io::HttpRequest request) override {
    return std::make_unique<Pending>(Answer(request));
  }
  /// URLs asked for, in order of arrival.
  std::vector<std::string> urls() const {
    std::lock_guard lock(mutex_);
    return urls_;
  }
  size_t num_requests() const { return urls().size(); }
  void set_handler(Handler handler) { handler_ = std::move(handler); }

 private:
  class Pending : public io::PendingResponse {
   public:
    explicit Pending(Result<io::HttpResponse> result) : result_(std::move(result)) {}
    Result<io::HttpResponse> Wait(std::stop_token stop) override {
      if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
      return std::move(result_);
    }

   private:
    Result<io::HttpResponse> result_;
  };

  Result<io::HttpResponse> Answer(const io::HttpRequest& request) {
    {
      std::lock_guard lock(mutex_);
      urls_.push_back(request.url);
    }
    const FakeAnswer answer = handler_(FakeRequest(request));
    ARROW_RETURN_NOT_OK(answer.error);
    io::HttpResponse response{.status = answer.status, .headers = answer.headers, .effective_url = request.url};
    ARROW_ASSIGN_OR_RAISE(auto body, format::json::AllocateBody(static_cast<int64_t>(answer.body.size()), nullptr));
    std::copy(answer.body.begin(), answer.body.end(), body->mutable_data());
    response.body = std::move(body);
    return response;
  }

  Handler handler_;
  mutable std::mutex mutex_;
  std::vector<std::string> urls_;
};

}  // namespace firn::source::rest
