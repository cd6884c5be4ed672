#include "source/airbyte/record_selector.h"

#include <algorithm>

#include "source/airbyte/dpath.h"

namespace firn::source::airbyte {

using connector::airbyte::ManifestError;

namespace {

Result<Path> Evaluated(const std::vector<Interpolated>& texts, const RunContext& run) {
  Path path;
  for (const Interpolated& text : texts) {
    Scope scope = run.NewScope();
    ARROW_ASSIGN_OR_RAISE(std::string step, text.EvalText(scope));
    path.push_back(std::move(step));
  }
  return path;
}

}  // namespace

Result<std::unique_ptr<RecordSelector>> RecordSelector::Make(const Component& component, const RunContext& run,
                                                             const Decoder& decoder, const Options& options) {
  if (component.type() != "RecordSelector") {
    return ManifestError(component, "a selector of type " + component.type() + " cannot be run");
  }
  std::unique_ptr<RecordSelector> made(new RecordSelector(run, decoder));
  const Component extractor = component.Child("extractor");
  if (extractor.type() != "DpathExtractor") {
    return ManifestError(extractor, "an extractor of type " + extractor.type() + " cannot be run");
  }
  ARROW_ASSIGN_OR_RAISE(made->path_, InterpolatedList(extractor, "field_path"));
  const Component expander = extractor.Child("record_expander");
  if (expander.present()) {
    made->keep_original_ = expander.Flag("remain_original_record");
    made->emit_parent_ = expander.Text("on_no_records") == "emit_parent";
    ARROW_ASSIGN_OR_RAISE(made->expand_path_, InterpolatedList(expander, "expand_records_from_field"));
  }
  const Component filter = component.Child("record_filter");
  if (filter.present() && filter.type() != "RecordFilter") {
    return ManifestError(filter, "a record filter of type " + filter.type() + " cannot be run");
  }
  if (filter.present()) {
    ARROW_ASSIGN_OR_RAISE(made->condition_, InterpolatedField(filter, "condition"));
    made->filters_ = !made->condition_.empty() || options.filter_cursor == nullptr;
  }
  const auto* normalization = component.Find("schema_normalization");
  if (normalization != nullptr && !normalization->is_string()) {
    return ManifestError(component, "a schema normalisation of the connector's own cannot be run");
  }
  made->casts_ = normalization != nullptr && normalization->as_string() == "Default";
  made->filter_cursor_ = options.filter_cursor;
  made->transform_first_ = component.Flag("transform_before_filtering", options.transform_first);
  for (const Component& transformation : options.transformations) {
    ARROW_ASSIGN_OR_RAISE(auto step, Transformation::Make(transformation, run));
    made->transformations_.push_back(std::move(step));
  }
  return made;
}

Status RecordSelector::Expand(const Value& record, const std::function<Status(const Value&)>& sink) const {
  if (expand_path_.empty() || !record.is_map()) return sink(record);
  ARROW_ASSIGN_OR_RAISE(const Path path, Evaluated(expand_path_, run_));
  bool expanded = false;
  for (const Value& found : ValuesAt(record, path)) {
    for (const Value& item : found.is_list() ? found.as_list() : List()) {
      expanded = true;
      if (!keep_original_) {
        ARROW_RETURN_NOT_OK(sink(item));
        continue;
      }
      Entries entries = item.is_map() ? item.as_map() : Entries{{Value::String("value"), item}};
      Put(entries, "original_record", record);
      ARROW_RETURN_NOT_OK(sink(Value::OfMap(std::move(entries))));
    }
  }
  return expanded || !emit_parent_ ? Status::OK() : sink(record);
}

Status RecordSelector::Extract(const ApiResponse& response, const std::function<Status(const Value&)>& sink) const {
  ARROW_ASSIGN_OR_RAISE(const auto bodies, decoder_.Decode(response));
  ARROW_ASSIGN_OR_RAISE(const Path path, Evaluated(path_, run_));
  const bool wildcard = std::find(path.begin(), path.end(), "*") != path.end();
  for (const Value& body : bodies) {
    Value found = body;
    if (wildcard) {
      found = Value::OfList(ValuesAt(body, path));
    } else if (!path.empty()) {
      found = ValueAt(body, path);
    }
    if (found.is_list()) {
      for (const Value& record : found.as_list()) ARROW_RETURN_NOT_OK(Expand(record, sink));
    } else if (jinja::Truthy(found)) {
      ARROW_RETURN_NOT_OK(Expand(found, sink));
    }
  }
  return Status::OK();
}

Result<int64_t> RecordSelector::CountExtracted(const ApiResponse& response) const {
  int64_t count = 0;
  ARROW_RETURN_NOT_OK(Extract(response, [&](const Value& /*record*/) {
    ++count;
    return Status::OK();
  }));
  return count;
}

Result<bool> RecordSelector::Passes(const Value& record, const Slice& slice, const Value& page_token) const {
  if (filter_cursor_ != nullptr && !filter_cursor_->ShouldBeSynced(record, slice)) return false;
  if (!filters_) return true;
  Scope scope = run_.NewScope();
  scope.Set("record", record);
  scope.Set("stream_slice", slice.View());
  scope.Set("next_page_token", page_token);
  return condition_.EvalCondition(scope);
}

Status RecordSelector::SelectRecord(Value record, const Slice& slice, const Value& page_token, const Value& schema,
                                    const std::function<Status(Value)>& sink) const {
  for (const bool transforms : {transform_first_, !transform_first_}) {
    if (!transforms) {
      ARROW_ASSIGN_OR_RAISE(const bool passes, Passes(record, slice, page_token));
      if (!passes) return Status::OK();
      continue;
    }
    for (const auto& transformation : transformations_) {
      if (!record.is_map()) return MakeError(Fault::kBadData, "a record is no object");
      ARROW_ASSIGN_OR_RAISE(record, transformation->Apply(std::move(record), slice));
    }
  }
  if (casts_ && schema.is_map()) record = NormalizeBySchema(record, schema);
  return sink(std::move(record));
}

Status RecordSelector::Select(const ApiResponse& response, const Slice& slice, const Value& page_token,
                              const Value& schema, const std::function<Status(Value)>& sink) const {
  return Extract(response, [&](const Value& record) { return SelectRecord(record, slice, page_token, schema, sink); });
}

}  // namespace firn::source::airbyte
