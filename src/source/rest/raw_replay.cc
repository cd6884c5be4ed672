#include "source/rest/raw_replay.h"

#include <algorithm>
#include <deque>
#include <map>

#include "source/rest/incremental.h"
#include "source/rest/row_events.h"

namespace firn::source::rest {
namespace {

using connector::RestPlan;
using connector::TablePlan;
using format::json::Page;

class ReplayReader : public SplitReader {
 public:
  ReplayReader(const TablePlan& table, const RawReplayOptions& options)
      : table_(table), options_(options), layout_(table), rows_(table, layout_) {}

  Result<std::optional<Event>> Next(std::stop_token stop) override {
    while (events_.empty()) {
      if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped while reading the raw archive");
      ARROW_ASSIGN_OR_RAISE(const std::optional<io::RawEntry> entry, NextEntry());
      if (!entry) return std::nullopt;
      auto status = Take(*entry);
      if (!status.ok())
        return Within("run " + options_.runs[run_].run + ", entry " + std::to_string(entry->ordinal), status);
    }
    std::optional<Event> event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  Result<std::optional<io::RawEntry>> NextEntry() {
    for (; run_ < options_.runs.size(); ++run_, reader_.reset()) {
      const ReplayRun& run = options_.runs[run_];
      if (reader_ == nullptr) {
        num_entries_ = 0;
        ARROW_ASSIGN_OR_RAISE(reader_, options_.open(table_.name, run.run));
      }
      if (run.entries_max && num_entries_ >= *run.entries_max) continue;
      ARROW_ASSIGN_OR_RAISE(std::optional<io::RawEntry> entry, reader_->Next());
      if (!entry) continue;
      ++num_entries_;
      return entry;
    }
    return std::nullopt;
  }

  Status Take(const io::RawEntry& entry) {
    ARROW_ASSIGN_OR_RAISE(const ArchivedContext context, ReadArchivedContext(entry.context));
    ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<const Page> page,
                          Page::Parse(entry.body, {.records = context.records, .captures = layout_.paths}));
    AdmittedRows admitted{.rows = {}, .undecided = context.undecided};
    for (uint32_t row = 0; row < page->num_records(); ++row) {
      if (!std::binary_search(context.dropped.begin(), context.dropped.end(), row)) admitted.rows.push_back(row);
    }
    return rows_.Append(page, admitted, context.constants, std::nullopt, &events_);
  }

  const TablePlan& table_;
  const RawReplayOptions& options_;
  const CaptureLayout layout_;
  RowEvents rows_;
  size_t run_ = 0;
  int64_t num_entries_ = 0;
  std::unique_ptr<io::RawArchiveReader> reader_;
  std::deque<Event> events_;
};

class RawReplaySource : public Source {
 public:
  RawReplaySource(RestPlan plan, RawReplayOptions options) : plan_(std::move(plan)), options_(std::move(options)) {}

  std::vector<std::string> tables() const override {
    std::vector<std::string> names;
    for (const TablePlan& table : plan_.tables) names.push_back(table.name);
    return names;
  }
  Result<TableTraits> Traits(const std::string& name) const override {
    ARROW_ASSIGN_OR_RAISE(const TablePlan* table, Find(name));
    return TableTraits{.primary_key = table->primary_key, .parent_fields = table->child_fields};
  }
  Result<std::vector<Split>> Plan(const ReadRequest& request, std::stop_token /*stop*/) override {
    ARROW_RETURN_NOT_OK(Find(request.table).status());
    return std::vector<Split>{Split{.json = "{}"}};
  }
  Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest& request, const Split& /*split*/) override {
    ARROW_ASSIGN_OR_RAISE(const TablePlan* table, Find(request.table));
    return std::make_unique<ReplayReader>(*table, options_);
  }
  Status Acknowledge(const std::string& table, const Split& /*split*/, const Position& /*position*/) override {
    return Find(table).status();
  }
  ReadStats stats(const std::string& /*table*/) const override { return {}; }

 private:
  Result<const TablePlan*> Find(const std::string& name) const {
    if (const TablePlan* table = plan_.Find(name)) return table;
    return MakeError(Fault::kConfig, "pipeline " + plan_.name + " has no table " + name);
  }

  const RestPlan plan_;
  const RawReplayOptions options_;
};

}  // namespace

Result<std::unique_ptr<Source>> MakeRawReplaySource(RestPlan plan, RawReplayOptions options) {
  FIRN_CHECK(options.open != nullptr);
  return std::make_unique<RawReplaySource>(std::move(plan), std::move(options));
}

}  // namespace firn::source::rest
