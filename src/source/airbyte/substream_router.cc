#include "source/airbyte/substream_router.h"

#include "source/airbyte/dpath.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

constexpr int kDepthMax = 20;

Path SplitPath(const std::string& text) {
  Path path;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t slash = std::min(text.find('/', at), text.size());
    if (slash > at) path.push_back(text.substr(at, slash - at));
    at = slash + 1;
  }
  return path;
}

struct Parent {
  std::unique_ptr<DeclarativeStream> stream;
  Path key;
  std::string field;
  Value field_key;  // the same, shared by all partitions
  std::optional<RequestOption> option;
  std::vector<Path> extra_fields;
  Path lazy_pointer;
  bool incremental = false;
};

class SubstreamRouter : public PartitionRouter {
 public:
  SubstreamRouter(const RunContext& run, std::vector<Parent> parents) : run_(run), parents_(std::move(parents)) {}

  Status Slices(const SliceSink& sink) override {
    for (Parent& parent : parents_) ARROW_RETURN_NOT_OK(SlicesOf(parent, sink));
    return Status::OK();
  }

  Status AddOptions(const Slice& slice, RequestParts* parts) const override {
    for (const Parent& parent : parents_) {
      const Value value = slice.Get(parent.field);
      if (parent.option && jinja::Truthy(value)) ARROW_RETURN_NOT_OK(parent.option->Put(run_, value, parts));
    }
    return Status::OK();
  }

  std::optional<Value> ParentState() const override {
    Entries states;
    for (const Parent& parent : parents_) {
      if (parent.incremental) Put(states, parent.stream->name(), parent.stream->cursor().State());
    }
    return Value::OfMap(std::move(states));
  }

 private:
  Status SlicesOf(Parent& parent, const SliceSink& sink) {
    std::optional<Slice> held;  // the last slice is known only when no other follows
    ARROW_RETURN_NOT_OK(parent.stream->Slices([&](const Slice& slice) -> Status {
      if (held) ARROW_RETURN_NOT_OK(ReadParentSlice(parent, *held, false, sink));
      held = slice;
      return Status::OK();
    }));
    return held ? ReadParentSlice(parent, *held, true, sink) : Status::OK();
  }

  // The parent's slice is closed before its last record becomes a partition: the child's state then covers it.
  Status ReadParentSlice(Parent& parent, const Slice& slice, bool last_slice, const SliceSink& sink) {
    std::optional<Value> held;
    ARROW_RETURN_NOT_OK(parent.stream->ReadSlice(slice, [&](const Value& record) -> Status {
      if (held) ARROW_RETURN_NOT_OK(Give(parent, *held, slice, sink));
      parent.stream->cursor().Observe(record, slice);
      held = record;
      return Status::OK();
    }));
    ARROW_RETURN_NOT_OK(parent.stream->cursor().Close(slice));
    if (last_slice) ARROW_RETURN_NOT_OK(parent.stream->cursor().Finish());
    return held ? Give(parent, *held, slice, sink) : Status::OK();
  }

  Status Give(const Parent& parent, const Value& record, const Slice& parent_slice, const SliceSink& sink) {
    const Value value = Settled(ValueAt(record, parent.key));
    if (value.is_undefined()) return Status::OK();
    Slice slice;
    static const Value kParentSlice = Value::String("parent_slice");
    slice.partition = Value::OfMap({{parent.field_key, value}, {kParentSlice, parent_slice.partition}});
    Entries extra;
    for (const Path& path : parent.extra_fields) {
      const Value found = Settled(ValueAt(record, path));
      std::string name;
      for (const std::string& step : path) name += (name.empty() ? "" : ".") + step;
      Put(extra, name, found.is_undefined() ? Value::Null() : found);
    }
    slice.extra = Value::OfMap(std::move(extra));
    if (!parent.lazy_pointer.empty()) {
      const Value children = ValueAt(record, parent.lazy_pointer);
      slice.child_response = std::make_shared<ApiResponse>(children.is_undefined() ? Value::OfList({}) : children);
    }
    return sink(slice);
  }

  const RunContext& run_;
  std::vector<Parent> parents_;
};

// The state of a parent stream that a child's state holds, or an empty map.
Result<Value> StateOfParent(const Component& config, const Component& stream, const RunContext& run,
                            const Value& child_state) {
  if (!config.Flag("incremental_dependency") || !child_state.is_map()) return EmptyMap();
  Entries entries = child_state.as_map();
  Drop(entries, "__ab_no_cursor_state_message");
  if (entries.empty()) return EmptyMap();
  if (const auto parents = child_state.Find("parent_state"); parents && parents->is_map()) {
    const auto own = parents->Find(stream.Text("name"));
    if (own && jinja::Truthy(*own)) return *own;
  }
  // Older states of the child stood for the parent's as well: a global one, or one cursor value.
  if (const auto global = child_state.Find("state"); global && global->is_map() && jinja::Truthy(*global))
    return *global;
  if (entries.size() != 1 || entries[0].second.is_map() || entries[0].second.is_list()) return EmptyMap();
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(const auto field, InterpolatedField(stream.Child("incremental_sync"), "cursor_field"));
  ARROW_ASSIGN_OR_RAISE(const std::string name, field.EvalText(scope));
  return Value::OfMap({{Value::String(name), entries[0].second}});
}

Result<Path> TextsOf(const std::vector<Interpolated>& texts, const RunContext& run) {
  Path path;
  for (const Interpolated& text : texts) {
    Scope scope = run.NewScope();
    ARROW_ASSIGN_OR_RAISE(std::string step, text.EvalText(scope));
    path.push_back(std::move(step));
  }
  return path;
}

Result<Parent> MakeParent(const Component& config, const StreamContext& context, const Value& child_state) {
  const RunContext& run = *context.run;
  Parent parent;
  StreamContext inner = context;
  inner.is_parent = true;
  inner.cursor_field.clear();
  if (++inner.depth > kDepthMax) return ManifestError(config, "parents of parents without end");
  const Value state_of_child = child_state;
  ARROW_ASSIGN_OR_RAISE(const Component stream, DelegatedStream(config.Child("stream"), run, EmptyMap()));
  ARROW_ASSIGN_OR_RAISE(const Value state, StateOfParent(config, stream, run, state_of_child));
  ARROW_ASSIGN_OR_RAISE(parent.stream, DeclarativeStream::Make(stream, inner, state, nullptr));
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(const auto key, InterpolatedField(config, "parent_key"));
  ARROW_ASSIGN_OR_RAISE(const std::string key_text, key.EvalText(scope));
  parent.key = SplitPath(key_text);
  ARROW_ASSIGN_OR_RAISE(const auto field, InterpolatedField(config, "partition_field"));
  ARROW_ASSIGN_OR_RAISE(parent.field, field.EvalText(scope));
  parent.field_key = Value::String(parent.field);
  ARROW_ASSIGN_OR_RAISE(parent.option, OptionField(config, "request_option"));
  parent.incremental = config.Flag("incremental_dependency");
  const Value parameters = jinja::FromCore(config.Parameters());
  if (const auto* extra = config.Find("extra_fields");
      extra != nullptr && extra->kind() == expression::Value::Kind::kList) {
    for (const auto& path : extra->as_list()) {
      std::vector<Interpolated> texts;
      if (path.kind() != expression::Value::Kind::kList) return ManifestError(config, "extra_fields are lists of keys");
      for (const auto& step : path.as_list()) {
        ARROW_ASSIGN_OR_RAISE(auto text, Interpolated::Make(expression::ToText(step), parameters));
        texts.push_back(std::move(text));
      }
      ARROW_ASSIGN_OR_RAISE(Path evaluated, TextsOf(texts, run));
      parent.extra_fields.push_back(std::move(evaluated));
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto pointer, InterpolatedList(config, "lazy_read_pointer"));
  ARROW_ASSIGN_OR_RAISE(parent.lazy_pointer, TextsOf(pointer, run));
  return parent;
}

}  // namespace

Result<std::unique_ptr<PartitionRouter>> MakeSubstreamRouter(const Component& component, const StreamContext& context,
                                                             const Value& child_state) {
  std::vector<Parent> parents;
  for (const Component& config : component.Children("parent_stream_configs")) {
    ARROW_ASSIGN_OR_RAISE(Parent parent, MakeParent(config, context, child_state));
    parents.push_back(std::move(parent));
  }
  if (parents.empty()) return ManifestError(component, "a SubstreamPartitionRouter needs a parent stream");
  return std::unique_ptr<PartitionRouter>(new SubstreamRouter(*context.run, std::move(parents)));
}

}  // namespace firn::source::airbyte
