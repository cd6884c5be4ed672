#pragma once

#include <memory>
#include <optional>
#include <string>

#include "source/airbyte/cursor.h"
#include "source/airbyte/decoder.h"
#include "source/airbyte/record_selector.h"
#include "source/airbyte/request_parts.h"

namespace firn::source::airbyte {

/// What a paginator looks at after a page.
struct PageSeen {
  const ApiResponse& response;
  int64_t num_records = 0;            // that came through the selector
  Value last_record = Value::Null();  // of them
  Value last_token = Value::Null();   // the page was asked with; null: none
};

/// A DefaultPaginator, or none (one page). Immutable but for nothing; used by one thread.
class Paginator {
 public:
  static Result<std::unique_ptr<Paginator>> Make(const Component& component, const RunContext& run,
                                                 const Decoder& decoder, const RecordSelector& selector,
                                                 const Cursor* stop_cursor);
  /// The token of the first page; null: none.
  Value InitialToken() const;
  /// The token of the next page; null: that was the last.
  Result<Value> NextToken(const PageSeen& seen, const Slice& slice) const;
  /// Puts token and page size into a request.
  Status AddOptions(const Value& token, RequestParts* parts) const;
  /// The path or URL of the next page, when the token is one.
  std::optional<std::string> PathOf(const Value& token) const;

 private:
  enum class Strategy { kNone, kPage, kOffset, kCursor };
  Paginator(const RunContext& run, const Decoder& decoder, const RecordSelector& selector, const Cursor* stop_cursor)
      : run_(run), decoder_(decoder), selector_(selector), stop_cursor_(stop_cursor) {}
  Status ReadStrategy(const Component& strategy);
  Result<Value> NextByCount(const PageSeen& seen) const;
  Result<Value> NextByCursor(const PageSeen& seen) const;
  Result<std::optional<int64_t>> PageSize(const Value& response) const;

  const RunContext& run_;
  const Decoder& decoder_;
  const RecordSelector& selector_;
  const Cursor* const stop_cursor_;
  Strategy strategy_ = Strategy::kNone;
  Interpolated page_size_, cursor_value_, stop_condition_;
  int64_t start_ = 0;
  bool on_first_request_ = false;
  bool token_is_path_ = false;
  std::optional<RequestOption> token_option_, size_option_;
};

}  // namespace firn::source::airbyte
