#include "source/airbyte/cursor.h"

namespace firn::source::airbyte {
namespace {

class FullRefreshCursor : public Cursor {
 public:
  FullRefreshCursor(std::function<Status(const SliceSink&)> slices, StateSink emit)
      : slices_(std::move(slices)), emit_(std::move(emit)) {}
  Status Slices(const SliceSink& sink) override { return slices_(sink); }
  void Observe(const Value& /*record*/, const Slice& /*slice*/) override {}
  Status Close(const Slice& /*slice*/) override { return Status::OK(); }
  Status Finish() override { return emit_ ? emit_(State()) : Status::OK(); }
  bool ShouldBeSynced(const Value& /*record*/, const Slice& /*slice*/) const override { return true; }
  Value State() const override {
    return Value::OfMap({{Value::String("__ab_no_cursor_state_message"), Value::Bool(true)}});
  }
  std::string cursor_field() const override { return ""; }

 private:
  const std::function<Status(const SliceSink&)> slices_;
  const StateSink emit_;
};

}  // namespace

std::unique_ptr<Cursor> MakeFullRefreshCursor(std::function<Status(const SliceSink&)> slices, StateSink emit) {
  return std::make_unique<FullRefreshCursor>(std::move(slices), std::move(emit));
}

}  // namespace firn::source::airbyte
