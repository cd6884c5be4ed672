#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/task_group.h"
#include "base/thread_annotations.h"
#include "connector/plan.h"
#include "format/json/page.h"
#include "io/http_session.h"
#include "source/download_rows.h"
#include "source/excerpt.h"
#include "source/rest/incremental.h"
#include "source/rest/paginator.h"
#include "source/rest/request_builder.h"
#include "source/rest/response_rules.h"

namespace firn::source::rest {

class JobSlots;

/// Rows that a table's readers left out in one run, see IncrementalTracker. Thread-safe.
struct RowsLeftOut {
  std::atomic<int64_t> num_known{0};
  std::atomic<int64_t> num_older{0};
  std::atomic<int64_t> num_later{0};
};

/// What `records: auto` chose for a table, for whoever shows it. Thread-safe.
class RecordsFound {
 public:
  void Set(const std::string& path) {
    MutexLock lock(mutex_);
    path_ = path;
  }
  std::string Get() const {
    MutexLock lock(mutex_);
    return path_;
  }

 private:
  mutable Mutex mutex_;
  std::string path_ FIRN_GUARDED_BY(mutex_);  // empty: nothing yet; "." the body
};

/// What all requests of one table in one run share. Longer-lived than its streams.
struct TableContext {
  const connector::RestPlan* plan = nullptr;
  const connector::TablePlan* table = nullptr;
  io::HttpSession* session = nullptr;
  const Clock* clock = nullptr;
  const ResponseRules* response_rules = nullptr;
  ProbeMemo* memo = nullptr;
  std::atomic<int64_t>* num_empty = nullptr;    // answers that mean "no rows"; may be null
  std::atomic<int64_t>* num_skipped = nullptr;  // splits and parent rows that a rule ended; may be null
  RowsLeftOut* left_out = nullptr;              // may be null
  RecordsFound* records_found = nullptr;        // may be null
  io::HttpSession* stranger = nullptr;          // for files on other hosts: without credentials
  io::HttpSession* once = nullptr;              // asks once
  JobSlots* job_slots = nullptr;
  DownloadOptions files;  // of a table whose answers are files
  CaptureLayout layout;
  Excerpt excerpt;
};

/// One answer, or a part of a file, indexed. `page` is null when the answer has no body that counts (204), and at the
/// end of the files of a window.
struct FetchedPage {
  std::shared_ptr<const format::json::Page> page;
  size_t window = 0;
  bool window_ends = false;
  std::string method, url;  // as asked for, before credentials
  int status = 0;
  std::optional<connector::ResponseRule::Action> without_rows = {};  // by a rule of the project: kEmpty, kSkip
  Timestamp time;
  std::shared_ptr<arrow::Buffer> body;
};

/// Fetches the pages of a chain of windows, one request after the other, ahead of its reader by at most
/// `prefetch_bytes` (a single larger page alone). Owns one thread. Used by one thread.
class PageStream {
 public:
  PageStream(const TableContext& context, SliceScope scope, std::vector<Window> windows, int64_t prefetch_bytes);

  /// Returns the next page in order, or nullopt at the end of the last window.
  /// Errors: those of requests, pages and paginators, with table, page number and place; kCancelled.
  Result<std::optional<FetchedPage>> Next(std::stop_token stop);

 private:
  struct Item {
    Status status;  // not ok: the stream failed after the pages before
    FetchedPage page;
  };
  Status Run(std::stop_token stop);
  Status ReadWindow(size_t i, std::stop_token stop);
  Status ReadFilesOf(size_t i, std::stop_token stop);
  Result<FetchedPage> Fetch(const io::HttpRequest& request, std::stop_token stop);
  Result<FetchedPage> FetchOnce(const io::HttpRequest& request, std::stop_token stop);
  Result<std::shared_ptr<const format::json::Page>> Parse(std::shared_ptr<arrow::Buffer> body);
  Result<std::shared_ptr<const format::json::Page>> ParseAt(std::shared_ptr<arrow::Buffer> body,
                                                            const std::string& path);
  Result<std::shared_ptr<const format::json::Page>> Probe(const PageRequest& request, std::stop_token stop);
  Status Push(FetchedPage page, std::stop_token stop);
  Status CheckEmpty(const FetchedPage& page) const;
  Status Located(const Status& status) const;

  const TableContext& context_;
  const connector::TablePlan& table_;
  const RequestBuilder builder_;
  SliceScope scope_;
  const std::vector<Window> windows_;
  std::string records_;  // the path; "auto" until the first page with records decided it
  int64_t num_pages_ = 0;
  io::HttpHeaders headers_;   // of the last answer
  bool skipped_ = false;      // a rule says that the rest cannot be had now
  bool seen_public_ = false;  // an answer came from a public address: no later one may come from a private one
  BoundedQueue<Item> queue_;
  TaskGroup group_;  // last: its thread ends before the rest is destroyed
};

}  // namespace firn::source::rest
