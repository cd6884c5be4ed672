#pragma once

#include <condition_variable>
#include <memory>
#include <optional>
#include <vector>

#include "base/thread_annotations.h"
#include "io/http_client.h"

namespace firn::pipeline {

/// A client that sends only while somebody waits for rows, so that reading ahead stops when enough was read, and that
/// remembers its first answers. Thread-safe; borrows `inner`.
class PacedHttp : public io::HttpClient {
 public:
  static constexpr size_t kAnswersKept = 4;

  explicit PacedHttp(io::HttpClient& inner) : inner_(inner) {}
  std::unique_ptr<io::PendingResponse> SendAsync(io::HttpRequest request) override;

  /// Opens or closes the gate; it is closed at first. Requests that are under way end.
  void SetOpen(bool open);
  /// Returns the headers of the answer whose body lies at `body`; nullopt if that is not among those kept.
  std::optional<io::HttpHeaders> HeadersOf(const void* body) const;

 private:
  class Pending;
  Status WaitForGate(std::stop_token stop);
  void Keep(const io::HttpResponse& response);

  io::HttpClient& inner_;
  std::condition_variable_any opened_;
  mutable Mutex mutex_;
  bool open_ FIRN_GUARDED_BY(mutex_) = false;
  std::vector<io::HttpResponse> answers_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace firn::pipeline
