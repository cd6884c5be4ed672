#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace firn::pipeline {

enum class TablePhase { kWaiting, kReading, kWriting, kCommitting, kDone, kFailed };

/// The live counters of one table. Written by the run, read by whoever draws them.
struct TableProgress {
  explicit TableProgress(std::string table_identifier) : identifier(std::move(table_identifier)) {}
  const std::string identifier;
  std::atomic<TablePhase> phase{TablePhase::kWaiting};
  std::atomic<int64_t> rows{0};
  std::atomic<int64_t> bytes{0};
  std::atomic<int64_t> requests{0};
  std::atomic<int64_t> commits{0};
};

/// All tables of a run. Thread-safe; the progress objects live as long as this.
class RunProgress {
 public:
  TableProgress& Add(const std::string& identifier) {
    std::lock_guard lock(mutex_);
    tables_.push_back(std::make_unique<TableProgress>(identifier));
    return *tables_.back();
  }
  /// Borrowed pointers, in the order they were added.
  std::vector<const TableProgress*> tables() const {
    std::lock_guard lock(mutex_);
    std::vector<const TableProgress*> out;
    for (const auto& table : tables_) out.push_back(table.get());
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<TableProgress>> tables_;  // guarded by mutex_
};

}  // namespace firn::pipeline
