#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "connector/plan.h"
#include "io/raw_archive.h"
#include "source/rest/incremental.h"
#include "source/rest/page_stream.h"
#include "source/source.h"

namespace firn::source::rest {

/// Columns that every row of a batch gains: name → JSON text.
using Constants = std::vector<std::pair<std::string, std::string>>;

/// Returns the column of the partition that `scope` reads, if the table declares one.
Constants PartitionColumn(const connector::TablePlan& table, const SliceScope& scope);

/// Turns pages into events: batches of at most 4 MiB of record text (a single larger record alone), so that several
/// threads decode a large page and its rows are never all in memory as columns; with tombstones marked. Used by one
/// thread.
class RowEvents {
 public:
  static constexpr int64_t kBatchBytesMax = int64_t{4} << 20;

  RowEvents(const connector::TablePlan& table, const CaptureLayout& layout) : table_(table), layout_(layout) {}

  /// Appends the events for `rows` of `page`. `position` goes to the last batch; without rows it becomes a
  /// Progress. Errors: E0440 from delete_when.
  Status Append(const std::shared_ptr<const format::json::Page>& page, const AdmittedRows& rows,
                const Constants& constants, std::optional<Position> position, std::deque<Event>* events);

 private:
  Result<expression::Value> Verdict(const format::json::Page& page, uint32_t row) const;
  Status Judge(const format::json::Page& page, uint32_t row, JsonRows* batch) const;

  const connector::TablePlan& table_;
  const CaptureLayout& layout_;
};

/// Puts a page into the raw archive, with what is needed to read it again: records path, constants, dropped rows, rows
/// that are undecided for their cursor.
/// `archive` may be null.
Status Archive(io::RawArchiveWriter* archive, const FetchedPage& page, const std::string& split,
               const AdmittedRows& rows, const Constants& constants);

/// Reads the context of an archived entry back.
struct ArchivedContext {
  std::string records;
  std::vector<uint32_t> dropped;
  std::vector<UndecidedRow> undecided;
  Constants constants;
};
Result<ArchivedContext> ReadArchivedContext(const std::string& json);

}  // namespace firn::source::rest
