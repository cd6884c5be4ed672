#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "io/exchange_tape.h"
#include "io/http_client.h"

namespace firn::io {

/// What makes two requests the same on a tape: method, URL and body without registered secrets (ProcessRedactor).
std::string RequestKey(const std::string& method, const std::string& url, const std::string& body);

/// A client without a network that answers from a tape. Of equal requests each gets the next answer; the last one is
/// repeated for GET alone. Thread-safe.
class ReplayingClient : public HttpClient {
 public:
  explicit ReplayingClient(std::vector<Exchange> tape);
  /// Errors of the answer: kConfig E0740 for a request that is not on the tape, with the nearest that is.
  std::unique_ptr<PendingResponse> SendAsync(HttpRequest request) override;

 private:
  struct Answers {
    std::vector<size_t> exchanges;  // of the tape
    size_t next = 0;
  };
  Result<HttpResponse> Answer(const HttpRequest& request);
  Status NotOnTape(const std::string& key) const;

  const std::vector<Exchange> tape_;
  Mutex mutex_;
  std::map<std::string, Answers> answers_ FIRN_GUARDED_BY(mutex_);  // by RequestKey
};

}  // namespace firn::io
