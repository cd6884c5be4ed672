#include <utility>

#include "base/bounded_queue.h"
#include "base/task_group.h"
#include "source/row_cutter.h"

namespace firn::source {
namespace {

class AheadCutter : public RowCutter {
 public:
  AheadCutter(std::unique_ptr<RowCutter> inner, int64_t ahead_bytes) : inner_(std::move(inner)), queue_(ahead_bytes) {
    group_.Spawn([this](std::stop_token stop) { return Cut(stop); });
  }

  Result<std::optional<FileRows>> Next(std::stop_token stop) override {
    ARROW_ASSIGN_OR_RAISE(auto item, queue_.Pop(stop));
    if (!item) {
      ended_ = true;
      return std::nullopt;
    }
    ARROW_RETURN_NOT_OK(item->status);
    return std::move(item->rows);
  }

  std::optional<Mark> EndMark() const override {
    FIRN_CHECK(ended_);  // the thread is done with it
    return inner_->EndMark();
  }

 private:
  struct Item {
    Status status;  // not ok: reading failed after the rows before
    FileRows rows;
  };

  Status Cut(std::stop_token stop) {
    while (true) {
      auto rows = inner_->Next(stop);
      if (!rows.ok()) ARROW_RETURN_NOT_OK(queue_.Push({.status = rows.status(), .rows = {}}, 0, stop));
      if (!rows.ok() || !rows->has_value()) break;
      const auto numbers = static_cast<int64_t>((*rows)->rows.size() * sizeof(uint32_t));
      const int64_t size =
          (*rows)->page->is_lines() || (*rows)->page->cells() != nullptr ? (*rows)->page->bytes_held() + numbers : 0;
      ARROW_RETURN_NOT_OK(queue_.Push({.status = Status::OK(), .rows = std::move(**rows)}, size, stop));
    }
    queue_.Finish();
    return Status::OK();
  }

  const std::unique_ptr<RowCutter> inner_;
  BoundedQueue<Item> queue_;
  bool ended_ = false;
  TaskGroup group_;  // last: its thread ends before the rest is destroyed
};

}  // namespace

int64_t FileRows::TextBytes() const {
  if (rows.empty()) return 0;
  const uint32_t first = rows.front(), last = rows.back();
  return page->RecordOffset(last) + static_cast<int64_t>(page->RecordText(last).size()) - page->RecordOffset(first);
}

std::unique_ptr<RowCutter> CutAhead(std::unique_ptr<RowCutter> inner, int64_t ahead_bytes) {
  return ahead_bytes == 0 ? std::move(inner) : std::make_unique<AheadCutter>(std::move(inner), ahead_bytes);
}

}  // namespace firn::source
