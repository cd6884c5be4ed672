#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_set>

#include "base/hash.h"
#include "base/status.h"
#include "base/thread_annotations.h"
#include "connector/plan.h"
#include "format/json/page.h"
#include "io/http_headers.h"
#include "source/rest/request_builder.h"
#include "source/source.h"

namespace firn::source::rest {

/// One complete answer, as a paginator sees it. Borrowed.
struct PageAnswer {
  const io::HttpHeaders* headers = nullptr;
  const format::json::Page* page = nullptr;
  uint32_t num_records = 0;
};

/// Asks for the pages of one slice. Used by one thread.
class Paginator {
 public:
  virtual ~Paginator() = default;
  virtual PageRequest First() const = 0;
  /// Returns the request for the page after `answer`, or nullopt at the end of the slice.
  /// Errors: E0431 a token came twice, E0432 a page came twice, E0433 too many pages, E0435, E0436.
  virtual Result<std::optional<PageRequest>> Next(const PageAnswer& answer) = 0;
  /// True if the answer given last was the last page once more, which ends the slice: its records were counted before
  /// and do not count again.
  virtual bool repeats_last() const { return false; }
};

/// Sends a request for another page of the slice without counting it; nullopt if the API refuses it (4xx).
/// The page is the caller's until the next call.
using ProbePage = std::function<Result<std::shared_ptr<const format::json::Page>>(const PageRequest&)>;

/// What probing found out about a table, so that it is asked once and not for every child request. Thread-safe.
class ProbeMemo {
 public:
  std::optional<connector::PaginatePlan> Get() const;
  void Set(const connector::PaginatePlan& plan);

 private:
  mutable Mutex mutex_;
  std::optional<connector::PaginatePlan> plan_ FIRN_GUARDED_BY(mutex_);
};

/// Makes a paginator. Type kAuto detects the type from the first answer, if need be by asking for a second page through
/// `probe` (may be null), and logs what it found and why. `table`: plan and place for errors; `memo`: of the table, may
/// be null; both borrowed.
std::unique_ptr<Paginator> MakePaginator(const connector::TablePlan& table, ProbePage probe, ProbeMemo* memo);

/// kStable for cursors (tokens) and `none`; kUnstable where pages shift when rows change, or may (page numbers,
/// offsets, links and URLs, which may hold page numbers, and auto).
Resumability StabilityOf(const connector::PaginatePlan& plan);

/// What was found about an API's pages, and the evidence for a person.
struct DetectedPagination {
  connector::PaginatePlan plan;
  std::string why;   // "the response has a Link header with rel=\"next\""; empty: nothing was found
  std::string more;  // evidence that there are more pages than this one, though the way to them is not known; or empty
};
/// Reads the first answer of a slice. `declared`: fields given besides `type: auto` are kept. Type kNone with an empty
/// `why`: the answer does not say; a probe may tell more.
DetectedPagination DetectPagination(const connector::PaginatePlan& declared, const PageAnswer& answer);

/// Returns the plain value at a path of the body: strings unescaped, others as JSON text; nullopt if missing. Null, ""
/// and false give nullopt too when `truthy` asks for it.
enum class Want { kAny, kTruthy };
std::optional<std::string> BodyValue(const format::json::Page& page, const std::string& path, Want want);

}  // namespace firn::source::rest
