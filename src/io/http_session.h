#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "io/http_client.h"
#include "io/rate_budget.h"

namespace firn::io {

/// Puts credentials on requests. Shared by all requests of a session, from several threads.
class HttpAuthorizer {
 public:
  virtual ~HttpAuthorizer() = default;
  /// Adds header or query credentials to a request; called before every attempt. May fetch a token (single flight).
  virtual Status Authorize(HttpRequest& request, std::stop_token stop) = 0;
  /// Called on a 401, once per Send: renews the credentials that `rejected` carried, unless that already happened.
  /// True: try again. False: nothing to renew, the 401 stands.
  virtual Result<bool> Renew(const HttpRequest& rejected, std::stop_token stop) = 0;
};

/// What to do with a response, if not what its status says.
struct HttpVerdict {
  enum class Action { kAccept, kRetry, kThrottled, kFail };
  Action action = Action::kAccept;
  std::optional<milliseconds> delay;  // for kRetry and kThrottled: wait at least this
  std::string reason;                 // for kFail, kRetry: goes into the error; no data, no secrets
  Fault fault = Fault::kConfig;       // for kFail
  ErrorContext context = {};          // of the error
};
/// Looks at any complete response (2xx too); nullopt: by status. Called from the sending threads.
using HttpClassifier = std::function<std::optional<HttpVerdict>(const HttpResponse&)>;

/// True if the answer asks to come back later: 429, or a 403 with Retry-After or no requests left.
bool IsThrottled(const HttpResponse& response, Timestamp now);

/// A request that will be sent again, for whoever shows it. Borrowed.
struct HttpWait {
  const BackoffWait& wait;
  const Status& error;  // of the attempt before
};

/// Counts of one session. Read at any time.
struct HttpCounters {
  std::atomic<int64_t> num_requests{0};
  std::atomic<int64_t> num_throttled{0};  // 429, and 503 with Retry-After
  std::atomic<int64_t> num_retries{0};
  std::atomic<int64_t> waited_ms{0};   // as counted, before FIRN_SLEEP_SCALE
  std::atomic<int64_t> body_bytes{0};  // decoded
  std::atomic<int64_t> wire_bytes{0};
};

struct HttpSessionOptions {
  BackoffOptions backoff{.attempts_max = 10};  // sleep_scale is set from `sleep_scale`
  double sleep_scale = SleepScale();
  /// A single Retry-After or reset above this is not waited for: kUnreachable at once, saying when to come back.
  milliseconds server_delay_max = std::chrono::minutes(10);
  /// Of all waits after answers that the classifier calls throttled, which do not count against `backoff`.
  milliseconds throttled_total = std::chrono::hours(1);
  RateBudget* rate_budget = nullptr;     // borrowed; null: no limit
  RateClaimant claimant;                 // at the budget
  HttpAuthorizer* authorizer = nullptr;  // borrowed; null: none
  HttpClassifier classify;
  /// Called before each wait for another attempt, from the sending threads; may be null.
  std::function<void(const HttpWait&)> on_wait;
};

/// A client that retries: 408, 425, 429, 5xx, resets, timeouts and broken bodies, with full jitter, one total budget,
/// Retry-After and rate limits honoured, 401 renewed once. A request that is not repeatable is retried only when it was
/// surely not applied (429, no connection); else its error is kOutcomeUnknown. Thread-safe; Send blocks its thread — to
/// prefetch, call it from a task of a TaskGroup. Borrows its collaborators.
class HttpSession {
 public:
  HttpSession(HttpClient& client, const Clock& clock, HttpSessionOptions options);

  /// Returns a response whose status is 2xx or that the classifier accepted. Errors: kUnreachable when the budget is
  /// used up (why: the last error), kAuth, kConfig, kConflict, kBadData, kOutcomeUnknown, kCancelled.
  Result<HttpResponse> Send(const HttpRequest& request, std::stop_token stop);

  const HttpCounters& counters() const { return counters_; }
  /// Counts a retry that the caller makes, for a body that is no answer.
  void CountRetry(int64_t waited_ms) {
    ++counters_.num_retries;
    counters_.waited_ms += waited_ms;
  }

 private:
  struct Outcome;
  Outcome Exchange(const HttpRequest& request, std::stop_token stop, bool* renewed);
  Outcome JudgeError(const HttpRequest& request, const Status& error) const;
  Outcome JudgeResponse(const HttpRequest& request, HttpResponse response);
  Outcome JudgeStatus(const HttpRequest& request, HttpResponse response);
  Outcome Again(const HttpRequest& request, Status error, std::optional<milliseconds> delay, bool not_applied) const;

  HttpClient& client_;
  const Clock& clock_;
  const HttpSessionOptions options_;
  HttpCounters counters_;
};

}  // namespace firn::io
