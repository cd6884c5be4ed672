#pragma once

#include <memory>
#include <vector>

#include "base/thread_annotations.h"
#include "io/exchange_tape.h"
#include "io/http_client.h"

namespace firn::io {

/// A client that passes requests on and keeps them with their answers, as they are: secrets and personal data are in
/// them, so they stay in memory until somebody has taken those out. Requests that were not answered are not kept.
/// Thread-safe; borrows `inner`.
class RecordingClient : public HttpClient {
 public:
  static constexpr int64_t kKeptBytesMax = int64_t{64} << 20;

  explicit RecordingClient(HttpClient& inner) : inner_(inner) {}
  /// Errors of the answer: those of `inner`; kConfig E0743 when more than kKeptBytesMax were kept.
  std::unique_ptr<PendingResponse> SendAsync(HttpRequest request) override;

  /// Gives away what was kept, in the order of the answers.
  std::vector<Exchange> Take();

 private:
  class Pending;
  Status Keep(Exchange exchange);

  HttpClient& inner_;
  Mutex mutex_;
  std::vector<Exchange> kept_ FIRN_GUARDED_BY(mutex_);
  int64_t kept_bytes_ FIRN_GUARDED_BY(mutex_) = 0;
};

}  // namespace firn::io
