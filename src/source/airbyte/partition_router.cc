#include "source/airbyte/partition_router.h"

#include <set>

#include "source/airbyte/dpath.h"
#include "source/airbyte/substream_router.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

class ListRouter : public PartitionRouter {
 public:
  static Result<std::unique_ptr<PartitionRouter>> Make(const Component& component, const RunContext& run) {
    std::unique_ptr<ListRouter> made(new ListRouter(run));
    Scope scope = run.NewScope();
    ARROW_ASSIGN_OR_RAISE(const auto field, InterpolatedField(component, "cursor_field"));
    ARROW_ASSIGN_OR_RAISE(made->field_, field.EvalText(scope));
    ARROW_ASSIGN_OR_RAISE(made->option_, OptionField(component, "request_option"));
    const auto* values = component.Find("values");
    if (values == nullptr) return ManifestError(component, "a ListPartitionRouter needs values");
    Value list = jinja::FromCore(*values);
    if (list.is_string()) {
      ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component, "values"));
      ARROW_ASSIGN_OR_RAISE(list, text.Eval(scope));
    }
    if (!list.is_list() && list.kind() != Value::Kind::kTuple) return ManifestError(component, "values are no list");
    made->values_ = list.as_list();
    // Values written in the manifest are texts whatever they look like; those of an expression keep their type.
    for (Value& value : made->values_) {
      if (!values->is_string() && !value.is_string()) value = Value::String(jinja::ToText(value));
    }
    return std::unique_ptr<PartitionRouter>(std::move(made));
  }

  Status Slices(const SliceSink& sink) override {
    for (const Value& value : values_) {
      Slice slice;
      slice.partition = Value::OfMap({{Value::String(field_), value}});
      ARROW_RETURN_NOT_OK(sink(slice));
    }
    return Status::OK();
  }
  Status AddOptions(const Slice& slice, RequestParts* parts) const override {
    const Value value = slice.Get(field_);
    return option_ && jinja::Truthy(value) ? option_->Put(run_, value, parts) : Status::OK();
  }

 private:
  explicit ListRouter(const RunContext& run) : run_(run) {}
  const RunContext& run_;
  std::string field_;
  List values_;
  std::optional<RequestOption> option_;
};

/// Every combination of the slices of several routers.
class CartesianRouter : public PartitionRouter {
 public:
  explicit CartesianRouter(std::vector<std::unique_ptr<PartitionRouter>> routers) : routers_(std::move(routers)) {}

  Status Slices(const SliceSink& sink) override {
    std::vector<std::vector<Slice>> rest;  // of all but the first router, which is not kept
    for (size_t i = 1; i < routers_.size(); ++i) {
      rest.emplace_back();
      ARROW_RETURN_NOT_OK(routers_[i]->Slices([&](const Slice& slice) {
        rest.back().push_back(slice);
        return Status::OK();
      }));
    }
    return routers_[0]->Slices([&](const Slice& slice) { return Combine(slice, rest, 0, sink); });
  }
  Status AddOptions(const Slice& slice, RequestParts* parts) const override {
    // Of equal keys the first router's value wins.
    for (size_t i = routers_.size(); i-- > 0;) ARROW_RETURN_NOT_OK(routers_[i]->AddOptions(slice, parts));
    return Status::OK();
  }

 private:
  static Status Combine(const Slice& so_far, const std::vector<std::vector<Slice>>& rest, size_t depth,
                        const SliceSink& sink) {
    if (depth == rest.size()) return sink(so_far);
    for (const Slice& slice : rest[depth]) {
      Slice combined = so_far;
      combined.partition = Merge(slice.partition, so_far.partition);
      combined.extra = Merge(slice.extra, so_far.extra);
      ARROW_RETURN_NOT_OK(Combine(combined, rest, depth + 1, sink));
    }
    return Status::OK();
  }
  const std::vector<std::unique_ptr<PartitionRouter>> routers_;
};

/// Several partitions in one request: the values become lists.
class GroupingRouter : public PartitionRouter {
 public:
  GroupingRouter(std::unique_ptr<PartitionRouter> inner, int64_t size, bool deduplicate)
      : inner_(std::move(inner)), size_(static_cast<size_t>(size)), deduplicate_(deduplicate) {}

  Status Slices(const SliceSink& sink) override {
    std::vector<Slice> batch;
    std::set<std::string> seen;
    ARROW_RETURN_NOT_OK(inner_->Slices([&](const Slice& slice) -> Status {
      Entries own = slice.partition.as_map();
      Drop(own, "parent_slice");
      if (own.size() != 1) return MakeError(Fault::kConfig, "a GroupingPartitionRouter wants partitions of one key");
      if (deduplicate_ && !seen.insert(CanonicalJson(own[0].second)).second) return Status::OK();
      batch.push_back(slice);
      if (batch.size() < size_) return Status::OK();
      state_ = inner_->ParentState();
      const Slice grouped = Grouped(batch);
      batch.clear();
      return sink(grouped);
    }));
    state_ = inner_->ParentState();
    return batch.empty() ? Status::OK() : sink(Grouped(batch));
  }
  Status AddOptions(const Slice& /*slice*/, RequestParts* /*parts*/) const override { return Status::OK(); }
  std::optional<Value> ParentState() const override { return state_; }

 private:
  static Value Columns(const std::vector<Slice>& batch, Value Slice::* part, const Entries& keys) {
    Entries out;
    for (const auto& [key, unused] : keys) {
      List column;
      for (const Slice& slice : batch) column.push_back((slice.*part).Find(key.as_string()).value_or(Value::Null()));
      out.emplace_back(key, Value::OfList(std::move(column)));
    }
    return Value::OfMap(std::move(out));
  }
  static Slice Grouped(const std::vector<Slice>& batch) {
    Entries extra_keys;
    for (const Slice& slice : batch) {
      for (const auto& [key, value] : slice.extra.as_map()) Put(extra_keys, key.as_string(), value);
    }
    Slice grouped;
    grouped.partition = Columns(batch, &Slice::partition, batch.front().partition.as_map());
    grouped.extra = Columns(batch, &Slice::extra, extra_keys);
    return grouped;
  }

  const std::unique_ptr<PartitionRouter> inner_;
  const size_t size_;
  const bool deduplicate_;
  std::optional<Value> state_ = EmptyMap();
};

/// The partitions of several routers one after another, each value once.
class UnionRouter : public PartitionRouter {
 public:
  UnionRouter(std::vector<std::unique_ptr<PartitionRouter>> routers, std::string field)
      : routers_(std::move(routers)), field_(std::move(field)) {}

  Status Slices(const SliceSink& sink) override {
    std::set<std::string> seen;
    for (const auto& router : routers_) {
      ARROW_RETURN_NOT_OK(router->Slices([&](const Slice& slice) -> Status {
        const auto value = slice.partition.Find(field_);
        if (!value) {
          return MakeError(Fault::kConfig,
                           "a UnionPartitionRouter wants the partition field " + field_ + " of each router");
        }
        if (value->is_list() || value->is_map()) {
          return MakeError(Fault::kConfig, "a UnionPartitionRouter cannot compare lists and objects");
        }
        if (!seen.insert(CanonicalJson(*value)).second) return Status::OK();
        Entries others = slice.partition.as_map();
        Drop(others, field_);
        Slice out;
        out.partition = Value::OfMap({{Value::String(field_), *value}});
        out.extra = Merge(slice.extra, Value::OfMap(std::move(others)));
        return sink(out);
      }));
    }
    return Status::OK();
  }
  Status AddOptions(const Slice& /*slice*/, RequestParts* /*parts*/) const override { return Status::OK(); }
  std::optional<Value> ParentState() const override {
    Value states = EmptyMap();  // also without parents, as the reference
    for (const auto& router : routers_) {
      if (const auto state = router->ParentState()) states = Merge(states, *state);
    }
    return states;
  }

 private:
  const std::vector<std::unique_ptr<PartitionRouter>> routers_;
  const std::string field_;
};

Result<std::string> TextField(const Component& component, std::string_view field, const RunContext& run) {
  ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component, field));
  Scope scope = run.NewScope();
  return text.EvalText(scope);
}

// A value of a union comes from one of its routers: none of them can say where it stands in a request.
Status CheckInUnion(const Component& router, const std::string& field, const RunContext& run) {
  std::vector<std::pair<Component, const char*>> named;
  if (router.type() == "ListPartitionRouter") named.emplace_back(router, "cursor_field");
  if (router.type() == "UnionPartitionRouter") named.emplace_back(router, "partition_field");
  for (const Component& parent : router.Children("parent_stream_configs"))
    named.emplace_back(parent, "partition_field");
  for (const auto& [component, name] : named) {
    ARROW_ASSIGN_OR_RAISE(const std::string own, TextField(component, name, run));
    if (own != field) {
      return ManifestError(component, "the union's partition field is " + field + ", and here it is " + own);
    }
    if (component.Has("request_option")) {
      return ManifestError(component, "request options cannot be used in a UnionPartitionRouter");
    }
  }
  return Status::OK();
}

Result<std::unique_ptr<PartitionRouter>> MakeRouter(const Component& component, const StreamContext& context,
                                                    const Value& child_state);

Result<std::unique_ptr<PartitionRouter>> MakeUnion(const Component& component, const StreamContext& context,
                                                   const Value& child_state) {
  ARROW_ASSIGN_OR_RAISE(std::string field, TextField(component, "partition_field", *context.run));
  std::vector<std::unique_ptr<PartitionRouter>> routers;
  for (const Component& child : component.Children("partition_routers")) {
    ARROW_RETURN_NOT_OK(CheckInUnion(child, field, *context.run));
    ARROW_ASSIGN_OR_RAISE(auto router, MakeRouter(child, context, child_state));
    routers.push_back(std::move(router));
  }
  if (routers.size() < 2) return ManifestError(component, "a UnionPartitionRouter has two routers or more");
  return std::unique_ptr<PartitionRouter>(new UnionRouter(std::move(routers), std::move(field)));
}

Result<std::unique_ptr<PartitionRouter>> MakeRouter(const Component& component, const StreamContext& context,
                                                    const Value& child_state) {
  const std::string type = component.type();
  if (type == "ListPartitionRouter") return ListRouter::Make(component, *context.run);
  if (type == "SubstreamPartitionRouter") return MakeSubstreamRouter(component, context, child_state);
  if (type == "GroupingPartitionRouter") {
    ARROW_ASSIGN_OR_RAISE(auto inner, MakeRouter(component.Child("underlying_partition_router"), context, child_state));
    const int64_t size = component.Integer("group_size").value_or(0);
    if (size < 1) return ManifestError(component, "group_size is at least 1");
    return std::unique_ptr<PartitionRouter>(
        new GroupingRouter(std::move(inner), size, component.Flag("deduplicate", true)));
  }
  if (type == "UnionPartitionRouter") return MakeUnion(component, context, child_state);
  return ManifestError(component, "a partition router of type " + type + " cannot be run");
}

}  // namespace

Result<std::unique_ptr<PartitionRouter>> PartitionRouter::MakeFor(const Component& retriever,
                                                                  const StreamContext& context,
                                                                  const Value& child_state) {
  const auto* field = retriever.Find("partition_router");
  if (field == nullptr) return std::unique_ptr<PartitionRouter>();
  if (field->kind() == expression::Value::Kind::kMap) {
    return MakeRouter(retriever.Child("partition_router"), context, child_state);
  }
  std::vector<std::unique_ptr<PartitionRouter>> routers;
  for (const Component& component : retriever.Children("partition_router")) {
    ARROW_ASSIGN_OR_RAISE(auto router, MakeRouter(component, context, child_state));
    routers.push_back(std::move(router));
  }
  if (routers.empty()) return std::unique_ptr<PartitionRouter>();
  return std::unique_ptr<PartitionRouter>(new CartesianRouter(std::move(routers)));
}

}  // namespace firn::source::airbyte
