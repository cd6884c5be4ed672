#include <algorithm>
#include <charconv>
#include <limits>

#include "source/airbyte/datetime_cursor.h"

namespace firn::source::airbyte {
namespace {

std::optional<int64_t> WholeNumber(const Value& value) {
  if (value.kind() == Value::Kind::kInt) return value.as_int();
  const std::string text = jinja::ToText(value);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

class CountCursor : public Cursor {
 public:
  CountCursor(std::string field, int64_t start, Value legacy, StateSink emit)
      : field_(std::move(field)), start_(start), latest_(start), legacy_(std::move(legacy)), emit_(std::move(emit)) {}

  Status Slices(const SliceSink& sink) override {
    Slice slice;
    slice.cursor = Value::OfMap({{Value::String("start"), Value::Int(start_)},
                                 {Value::String("end"), Value::Float(std::numeric_limits<double>::infinity())}});
    return sink(slice);
  }
  void Observe(const Value& record, const Slice& /*slice*/) override {
    const auto value = record.Find(field_);
    if (!value || value->is_null()) return;
    if (const auto number = WholeNumber(*value)) latest_ = std::max(latest_, *number);
  }
  Status Close(const Slice& /*slice*/) override { return emit_ ? emit_(State()) : Status::OK(); }
  Status Finish() override { return emit_ ? emit_(State()) : Status::OK(); }
  bool ShouldBeSynced(const Value& record, const Slice& /*slice*/) const override {
    const auto value = record.Find(field_);
    if (!value || value->is_null()) return true;
    const auto number = WholeNumber(*value);
    return !number || *number >= start_;
  }
  Value State() const override {
    Entries entries = legacy_.as_map();
    Put(entries, field_, Value::Int(latest_));
    return Value::OfMap(std::move(entries));
  }
  std::string cursor_field() const override { return field_; }

 private:
  const std::string field_;
  const int64_t start_;
  int64_t latest_;
  const Value legacy_;
  const StateSink emit_;
};

}  // namespace

Result<std::unique_ptr<Cursor>> MakeCountCursor(const Component& component, const RunContext& run, const Value& state,
                                                StateSink emit) {
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(const auto field, InterpolatedField(component, "cursor_field"));
  ARROW_ASSIGN_OR_RAISE(const std::string name, field.EvalText(scope));
  ARROW_ASSIGN_OR_RAISE(const auto start_text, InterpolatedField(component, "start_value", "0"));
  ARROW_ASSIGN_OR_RAISE(const Value start_value, start_text.Eval(scope));
  const auto start = WholeNumber(start_value);
  if (!start) return connector::airbyte::ManifestError(component, "start_value is no whole number");
  int64_t from = *start;
  const Value legacy = state.is_map() ? state : EmptyMap();
  if (const auto saved = legacy.Find(name)) from = std::max(from, WholeNumber(*saved).value_or(from));
  return std::unique_ptr<Cursor>(new CountCursor(name, from, legacy, std::move(emit)));
}

}  // namespace firn::source::airbyte
