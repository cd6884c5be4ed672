#include "source/airbyte/stream.h"

#include "source/airbyte/async_retriever.h"
#include "source/airbyte/per_partition_cursor.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

constexpr char kNoCursor[] = "__ab_no_cursor_state_message";

// {"id of a parent": {cursor field: text}} as it was before states of partitions had a shape of their own.
Result<Value> MigrateLegacyState(const Component& stream, const RunContext& run, const Value& state) {
  const std::vector<Component> routers = stream.Child("retriever").Children("partition_router");
  if (routers.size() != 1) return state;
  const bool is_union = routers[0].type() == "UnionPartitionRouter";
  const std::vector<Component> parents = routers[0].Children("parent_stream_configs");
  if (!is_union && parents.size() != 1) return state;
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(const auto field, InterpolatedField(is_union ? routers[0] : parents[0], "partition_field"));
  ARROW_ASSIGN_OR_RAISE(const std::string partition_field, field.EvalText(scope));
  ARROW_ASSIGN_OR_RAISE(const auto cursor, InterpolatedField(stream.Child("incremental_sync"), "cursor_field"));
  ARROW_ASSIGN_OR_RAISE(const std::string cursor_field, cursor.EvalText(scope));
  if (!state.is_map() || state.as_map().empty() || state.Find("states")) return state;
  List states;
  for (const auto& [key, value] : state.as_map()) {
    if (!value.is_map() || value.as_map().size() != 1 || !value.Find(cursor_field)) return state;
    states.push_back(Value::OfMap({{Value::String("partition"), Value::OfMap({{Value::String(partition_field), key}})},
                                   {Value::String("cursor"), value}}));
  }
  return Value::OfMap({{Value::String("states"), Value::OfList(std::move(states))}});
}

Result<List> PrimaryKeyOf(const Component& stream) {
  const Value key = FieldOf(stream, "primary_key");
  List keys;
  if (key.is_string() && !key.as_string().empty()) keys.push_back(key);
  if (!key.is_list()) return keys;
  for (const Value& item : key.as_list()) {
    if (item.is_string()) {
      keys.push_back(item);
    } else if (item.is_list() && item.as_list().size() == 1) {
      keys.push_back(item.as_list()[0]);
    } else {
      return ManifestError(stream, "nested primary keys cannot be used");
    }
  }
  return keys;
}

Value TextMap(std::initializer_list<std::pair<const char*, Value>> entries) {
  Entries out;
  for (const auto& [key, value] : entries) out.emplace_back(Value::String(key), value);
  return Value::OfMap(std::move(out));
}

}  // namespace

Result<Value> MigratedState(const Component& stream, const RunContext& run, const Value& state) {
  Value migrated = state;
  for (const Component& migration : stream.Children("state_migrations")) {
    if (migration.type() != "LegacyToPerPartitionStateMigration") {
      return ManifestError(migration, "a state migration of type " + migration.type() + " cannot be run");
    }
    ARROW_ASSIGN_OR_RAISE(migrated, MigrateLegacyState(stream, run, migrated));
  }
  return migrated;
}

Result<Component> DelegatedStream(const Component& component, const RunContext& run, const Value& state) {
  if (component.type() != "StateDelegatingStream") return component;
  const Component full = component.Child("full_refresh_stream");
  const Component incremental = component.Child("incremental_stream");
  if (!state.is_map() || state.as_map().empty()) return full;
  if (!component.Has("api_retention_period")) return incremental;
  ARROW_ASSIGN_OR_RAISE(const auto period, InterpolatedField(component, "api_retention_period"));
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(const std::string text, period.EvalText(scope));
  if (text.empty() || state.Find(kNoCursor)) return incremental;
  ARROW_ASSIGN_OR_RAISE(const Gap gap, ParseGap(text));
  const auto cutoff = Shift(MomentOf(run.clock->LogicalNow()), gap, -1);
  for (const Component& stream : {full, incremental}) {
    const Component sync = stream.Child("incremental_sync");
    if (sync.type() != "DatetimeBasedCursor") continue;
    ARROW_ASSIGN_OR_RAISE(const auto settings, DatetimeCursorSettings::Make(sync, run));
    const Value holder = state.Find("state").value_or(state);
    const auto value = holder.Find(settings->cursor_field);
    if (!value) continue;
    const auto moment = settings->Parse(*value);
    if (moment.ok()) return cutoff && *moment < *cutoff ? full : incremental;
  }
  return full;
}

Status DeclarativeStream::MakeCursor(const Component& component, const StreamContext& context, const Value& state,
                                     StateSink emit) {
  const RunContext& run = *context.run;
  const Component sync = component.Child("incremental_sync");
  if (!sync.present()) {
    cursor_ = MakeFullRefreshCursor(
        [this](const SliceSink& sink) { return router_ == nullptr ? sink({}) : router_->Slices(sink); },
        std::move(emit));
    return Status::OK();
  }
  Value known = state;
  if (known.is_map() && known.Find(kNoCursor)) {
    Entries entries = known.as_map();
    Drop(entries, kNoCursor);
    known = Value::OfMap(std::move(entries));
  }
  if (sync.type() == "IncrementingCountCursor") {
    if (router_ != nullptr) return ManifestError(sync, "an IncrementingCountCursor cannot have partitions");
    ARROW_ASSIGN_OR_RAISE(cursor_, MakeCountCursor(sync, run, known, std::move(emit)));
    return Status::OK();
  }
  if (sync.type() != "DatetimeBasedCursor") {
    return ManifestError(sync, "an incremental sync of type " + sync.type() + " cannot be run");
  }
  ARROW_ASSIGN_OR_RAISE(datetime_, DatetimeCursorSettings::Make(sync, run));
  if (router_ == nullptr) {
    ARROW_ASSIGN_OR_RAISE(cursor_, DatetimeCursor::Make(datetime_, known, 0, std::move(emit)));
    return Status::OK();
  }
  const bool global = sync.Flag("global_substream_cursor");
  ARROW_ASSIGN_OR_RAISE(cursor_, MakePerPartitionCursor(datetime_, *router_, known, global, std::move(emit)));
  return Status::OK();
}

Result<std::unique_ptr<DeclarativeStream>> DeclarativeStream::Make(const Component& component,
                                                                   const StreamContext& context, const Value& state,
                                                                   StateSink emit) {
  const RunContext& run = *context.run;
  if (component.type() != "DeclarativeStream") {
    return ManifestError(component, "a stream of type " + component.type() + " cannot be run");
  }
  std::unique_ptr<DeclarativeStream> made(new DeclarativeStream());
  made->name_ = component.Text("name");
  made->slices_max_ = run.excerpt.chains_max;
  const Component retriever = component.Child("retriever");
  ARROW_ASSIGN_OR_RAISE(const Value migrated, MigratedState(component, run, state));
  ARROW_ASSIGN_OR_RAISE(made->router_, PartitionRouter::MakeFor(retriever, context, migrated));
  ARROW_RETURN_NOT_OK(made->MakeCursor(component, context, migrated, std::move(emit)));
  ARROW_ASSIGN_OR_RAISE(made->schema_, SchemaLoader::MakeFor(component, run));
  const Component sync = component.Child("incremental_sync");
  RetrieverParts parts{.stream = made->name_,
                       .router = made->router_.get(),
                       .cursor = made->cursor_.get(),
                       .cursor_options = {},
                       .transformations = component.Children("transformations"),
                       .is_data_feed = sync.Flag("is_data_feed"),
                       .is_client_side = sync.Flag("is_client_side_incremental"),
                       .use_cache = context.is_parent,
                       .lazy = !jinja::Truthy(state)};
  if (made->datetime_ != nullptr) {
    parts.cursor_options = [settings = made->datetime_](const Slice& slice, RequestParts* out) {
      return settings->AddOptions(slice, out);
    };
  } else if (sync.type() == "IncrementingCountCursor") {
    ARROW_ASSIGN_OR_RAISE(const auto option, OptionField(sync, "start_value_option"));
    parts.cursor_options = [option, &run](const Slice& slice, RequestParts* out) {
      return option ? option->Put(run, slice.Get("start"), out) : Status::OK();
    };
  }
  if (retriever.type() == "AsyncRetriever") {
    ARROW_ASSIGN_OR_RAISE(made->retriever_, MakeAsyncRetriever(retriever, run, std::move(parts)));
  } else if (retriever.type() == "SimpleRetriever") {
    ARROW_ASSIGN_OR_RAISE(made->retriever_, MakeSimpleRetriever(retriever, run, std::move(parts)));
  } else {
    return ManifestError(retriever, "a retriever of type " + retriever.type() + " cannot be run");
  }
  return made;
}

Status DeclarativeStream::ReadSlice(const Slice& slice, const RecordSink& sink) {
  Value schema;
  if (retriever_->casts()) {
    ARROW_ASSIGN_OR_RAISE(schema, schema_->Load());
  }
  return retriever_->Read(slice, schema, sink);
}

Status DeclarativeStream::Read(const RecordSink& sink) {
  int64_t num_slices = 0;
  ARROW_RETURN_NOT_OK(Slices([&](const Slice& slice) -> Status {
    if (++num_slices > slices_max_) return Status::OK();
    ARROW_RETURN_NOT_OK(ReadSlice(slice, [&](const Value& record) -> Status {
      cursor_->Observe(record, slice);
      return sink(record);
    }));
    return cursor_->Close(slice);
  }));
  return cursor_->Finish();
}

Result<Value> DiscoveredStream(const Component& component, const StreamContext& context) {
  ARROW_ASSIGN_OR_RAISE(const Component chosen, DelegatedStream(component, *context.run, EmptyMap()));
  ARROW_ASSIGN_OR_RAISE(const auto stream, DeclarativeStream::Make(chosen, context, EmptyMap(), nullptr));
  ARROW_ASSIGN_OR_RAISE(const Value schema, stream->JsonSchema());
  const std::string cursor = stream->cursor().cursor_field();
  List modes = {Value::String("full_refresh")};
  if (!cursor.empty()) modes.push_back(Value::String("incremental"));
  Entries entries = TextMap({{"name", Value::String(stream->name())},
                             {"json_schema", schema},
                             {"supported_sync_modes", Value::OfList(std::move(modes))}})
                        .as_map();
  if (!cursor.empty()) {
    const bool by_catalog = chosen.Child("incremental_sync").Flag("allow_catalog_defined_cursor_field");
    Put(entries, "source_defined_cursor", Value::Bool(!by_catalog));
    Put(entries, "default_cursor_field", Value::OfList({Value::String(cursor)}));
  }
  ARROW_ASSIGN_OR_RAISE(const List keys, PrimaryKeyOf(chosen));
  if (!keys.empty()) {
    List paths;
    for (const Value& key : keys) paths.push_back(Value::OfList({key}));
    Put(entries, "source_defined_primary_key", Value::OfList(std::move(paths)));
  }
  Put(entries, "is_resumable", Value::Bool(!cursor.empty()));
  Put(entries, "is_file_based", Value::Bool(false));
  return Value::OfMap(std::move(entries));
}

}  // namespace firn::source::airbyte
