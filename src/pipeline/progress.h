#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace firn::pipeline {

enum class TablePhase { kWaiting, kReading, kWriting, kCommitting, kDone, kFailed };

/// What a table waits for: a request that will be sent again.
struct WaitNote {
  int64_t number = 0;  // of the waits so far; 0: there was none
  int64_t delay_ms = 0;
  int64_t gives_up_ms = 0;  // what is left of the budget when the wait ends
  int attempt = 0;
  int attempts_max = 0;  // 0: only the budget bounds them
  std::string why;       // redacted, one line
  std::chrono::steady_clock::time_point until;
};

/// "waiting 8 s, attempt 5 of 8: connection refused …; gives up in 4m12s"
std::string WaitText(const WaitNote& note);

/// The live counters of one table. Written by the run, read by whoever draws them.
struct TableProgress {
  explicit TableProgress(std::string table_identifier) : identifier(std::move(table_identifier)) {}
  const std::string identifier;
  std::atomic<TablePhase> phase{TablePhase::kWaiting};
  std::atomic<int64_t> rows{0};
  std::atomic<int64_t> bytes{0};
  std::atomic<int64_t> requests{0};
  std::atomic<int64_t> commits{0};

  /// Takes the newest wait; its number is given here.
  void Wait(WaitNote note) {
    std::lock_guard lock(mutex_);
    note.number = wait_.number + 1;
    wait_ = std::move(note);
  }
  WaitNote wait() const {
    std::lock_guard lock(mutex_);
    return wait_;
  }

 private:
  mutable std::mutex mutex_;
  WaitNote wait_;  // guarded by mutex_
};

/// All tables of a run. Thread-safe; the progress objects live as long as this.
class RunProgress {
 public:
  /// A table that is added again (its group is tried once more) begins at 0.
  TableProgress& Add(const std::string& identifier) {
    if (TableProgress* known = Find(identifier)) {
      known->phase = TablePhase::kWaiting;
      known->rows = known->bytes = known->requests = known->commits = 0;
      return *known;
    }
    std::lock_guard lock(mutex_);
    tables_.push_back(std::make_unique<TableProgress>(identifier));
    return *tables_.back();
  }
  /// The table of that identifier, or null. Borrowed.
  TableProgress* Find(const std::string& identifier) const {
    std::lock_guard lock(mutex_);
    for (const auto& table : tables_) {
      if (table->identifier == identifier) return table.get();
    }
    return nullptr;
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
