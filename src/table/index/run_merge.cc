#include "table/index/run_merge.h"

#include <algorithm>
#include <utility>

namespace firn::table::index {

RunMerge::RunMerge(std::vector<RunCursor> inputs, bool bottom, const LiveFiles* live)
    : inputs_(std::move(inputs)), bottom_(bottom), live_(live) {}

Status RunMerge::Start() {
  for (uint32_t i = 0; i < inputs_.size(); ++i) {
    ARROW_RETURN_NOT_OK(inputs_[i].Start());
    if (!inputs_[i].done()) heap_.push_back(i);
  }
  for (size_t i = heap_.size(); i-- > 0;) SiftDown(i);
  return Status::OK();
}

void RunMerge::SiftDown(size_t at) {
  const uint32_t moving = heap_[at];
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && Before(heap_[child + 1], heap_[child])) ++child;
    if (!Before(heap_[child], moving)) break;
    heap_[at] = heap_[child];
    at = child;
  }
  heap_[at] = moving;
}

Status RunMerge::AdvanceTop() {
  ++num_read_;
  RunCursor& top = inputs_[heap_[0]];
  ARROW_RETURN_NOT_OK(top.Advance());
  if (top.done()) {
    heap_[0] = heap_.back();
    heap_.pop_back();
    if (heap_.empty()) return Status::OK();
  }
  SiftDown(0);
  return Status::OK();
}

Result<bool> RunMerge::Step(int64_t entries_max, EntrySink& sink) {
  const int64_t end = num_read_ + std::min(entries_max, INT64_MAX - num_read_);
  while (!heap_.empty() && num_read_ < end) ARROW_RETURN_NOT_OK(MergeGroup(sink));
  return heap_.empty();
}

Status RunMerge::MergeGroup(EntrySink& sink) {
  const Entry first = inputs_[heap_[0]].current();
  const size_t source = heap_[0];
  ARROW_RETURN_NOT_OK(AdvanceTop());
  resolver_.Start();
  resolver_.Feed(first, source);
  while (!heap_.empty() && inputs_[heap_[0]].current().same_hash(first)) {
    resolver_.Feed(inputs_[heap_[0]].current(), heap_[0]);
    ARROW_RETURN_NOT_OK(AdvanceTop());
  }
  return resolver_.Finish(first.hash(), live_, bottom_, [&](const Entry& entry) { return sink.Append(entry); });
}

int64_t RunMerge::memory_bytes() const {
  int64_t bytes = 0;
  for (const RunCursor& input : inputs_) bytes += input.memory_bytes();
  return bytes;
}

}  // namespace firn::table::index
