#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "source/source.h"

/// For tests: the suite that every source passes (source/conformance_test.cc). A source joins by a Subject.
namespace firn::source {

/// A source over a world that the suite controls. One table, "t", whose rows have an integer key `id`.
class ConformanceSubject {
 public:
  virtual ~ConformanceSubject() = default;
  virtual std::string name() const = 0;
  /// Sets what the source holds: JSON objects {"id": n, …}, in reading order.
  virtual void SetRows(const std::vector<std::string>& rows) = 0;
  /// Makes a source over the world as it is now.
  virtual std::unique_ptr<Source> Make() = 0;
  /// True if the source declares schemas and must report their change by an event.
  virtual bool declares_schema() const { return false; }
};

/// What a run saw.
struct ConformanceLog {
  std::vector<std::string> rows;  // text of each row that is there after truncates
  struct Mark {
    size_t num_rows;
    Position position;
  };
  std::vector<Mark> marks;  // where the split may resume
  int num_batches = 0, num_schema_changes = 0, num_truncates = 0, num_transaction_ends = 0, num_progress = 0;
  std::set<std::string> columns;  // seen in rows or declared
};

/// Reads all splits of "t" from `state`; checks the contract of each event on the way.
/// `stop_after`: requests the stop after so many events; -1: never.
Result<ConformanceLog> ReadAllOf(Source& source, const std::vector<std::pair<std::string, Position>>& state,
                                 int stop_after = -1);

}  // namespace firn::source
