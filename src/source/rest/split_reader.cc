#include "source/rest/split_reader.h"

#include <deque>
#include <numeric>

#include "source/rest/errors.h"
#include "source/rest/row_events.h"

namespace firn::source::rest {
namespace {

constexpr int64_t kPrefetchBytesMax = int64_t{16} << 20;

class PagesReader : public SplitReader {
 public:
  PagesReader(std::shared_ptr<TableContext> context, std::optional<IncrementalTracker> tracker, std::string split,
              io::RawArchiveWriter* archive)
      : context_(std::move(context)),
        tracker_(std::move(tracker)),
        split_(std::move(split)),
        archive_(archive),
        rows_(*context_->table, context_->layout) {}

  void Start(SliceScope scope) {
    constants_ = PartitionColumn(*context_->table, scope);
    std::vector<Window> windows = tracker_ ? tracker_->windows() : std::vector<Window>(1);
    const auto windows_max = static_cast<size_t>(context_->excerpt.chains_max);
    if (windows.size() > windows_max) windows.resize(windows_max);
    stream_ = std::make_unique<PageStream>(*context_, std::move(scope), std::move(windows), kPrefetchBytesMax);
  }

  Result<std::optional<Event>> Next(std::stop_token stop) override {
    while (events_.empty()) {
      ARROW_ASSIGN_OR_RAISE(const std::optional<FetchedPage> page, stream_->Next(stop));
      if (!page) return std::nullopt;
      ARROW_RETURN_NOT_OK(Take(*page));
    }
    std::optional<Event> event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

 private:
  Status Take(const FetchedPage& page) {
    AdmittedRows admitted;
    std::vector<uint32_t>& rows = admitted.rows;
    if (page.page != nullptr && tracker_) {
      const int64_t older = tracker_->num_older();
      const int64_t later = tracker_->num_later();
      ARROW_ASSIGN_OR_RAISE(admitted, tracker_->Admit(*page.page, context_->layout));
      if (context_->left_out != nullptr) {
        context_->left_out->num_older += tracker_->num_older() - older;
        context_->left_out->num_later += tracker_->num_later() - later;
        context_->left_out->num_known +=
            page.page->num_records() - static_cast<int64_t>(rows.size()) - (tracker_->num_later() - later);
      }
    } else if (page.page != nullptr) {
      rows.resize(page.page->num_records());
      std::iota(rows.begin(), rows.end(), 0);
    }
    ARROW_RETURN_NOT_OK(Archive(archive_, page, split_, admitted, constants_));
    ARROW_ASSIGN_OR_RAISE(std::optional<Position> position, PositionAfter(page));
    if (position && rows.empty() && *position == last_) position.reset();
    if (position) last_ = *position;
    return rows_.Append(page.page, admitted, constants_, std::move(position), &events_);
  }

  Result<std::optional<Position>> PositionAfter(const FetchedPage& page) {
    if (!tracker_) return std::nullopt;
    if (!page.window_ends) return tracker_->PositionMidway();
    ARROW_RETURN_NOT_OK(tracker_->EndWindow(page.window));
    return tracker_->PositionAtWindowEnd();
  }

  const std::shared_ptr<TableContext> context_;
  std::optional<IncrementalTracker> tracker_;
  const std::string split_;
  io::RawArchiveWriter* const archive_;
  RowEvents rows_;
  Constants constants_;
  Position last_;
  std::deque<Event> events_;
  std::unique_ptr<PageStream> stream_;
};

}  // namespace

Result<std::optional<expression::Value>> PartitionOf(const connector::TablePlan& table, const Split& split) {
  if (table.partition_name.empty()) return std::nullopt;
  const auto parsed = expression::ParseJson(split.json);
  const expression::Value* value = parsed.ok() ? parsed->Find("partition") : nullptr;
  if (value == nullptr) {
    return NamedError({.code = "E0443",
                       .message = "table " + table.name + ": a split without its partition",
                       .where = table.where,
                       .next = "plan the run again"});
  }
  return expression::Value::OfMap({{table.partition_name, *value}});
}

Result<std::unique_ptr<SplitReader>> OpenPagesReader(std::shared_ptr<TableContext> context, ReadRequest& request,
                                                     const Split& split) {
  const connector::TablePlan& table = *context->table;
  std::optional<IncrementalTracker> tracker;
  if (table.incremental) {
    ARROW_ASSIGN_OR_RAISE(tracker, IncrementalTracker::Open(table, split.from, request.from, request.to,
                                                            *context->clock, request.reread));
  }
  SliceScope scope{.clock = context->clock};
  ARROW_ASSIGN_OR_RAISE(scope.partition, PartitionOf(table, split));
  auto reader = std::make_unique<PagesReader>(std::move(context), std::move(tracker), split.id, request.archive);
  reader->Start(std::move(scope));
  return reader;
}

}  // namespace firn::source::rest
