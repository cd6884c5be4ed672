#include "source/airbyte/source.h"

#include <algorithm>
#include <atomic>

#include "base/backoff.h"
#include "base/redactor.h"
#include "base/task_group.h"
#include "connector/airbyte/settings_check.h"
#include "source/airbyte/config_changes.h"
#include "source/airbyte/dynamic_streams.h"
#include "source/airbyte/lazy_json.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::Manifest;
using connector::airbyte::ManifestError;

// The streams that others read as parents: their answers are worth keeping.
void CollectParents(const expression::Value& value, std::set<std::string>* names) {
  if (value.kind() == expression::Value::Kind::kList) {
    for (const auto& item : value.as_list()) CollectParents(item, names);
  }
  if (value.kind() != expression::Value::Kind::kMap) return;
  const auto* type = value.Find("type");
  if (type != nullptr && type->is_string() && type->as_string() == "ParentStreamConfig") {
    const auto* stream = value.Find("stream");
    const auto* name = stream == nullptr ? nullptr : stream->Find("name");
    if (name != nullptr && name->is_string()) names->insert(name->as_string());
  }
  for (const auto& [key, item] : value.as_map()) {
    if (key != "schema_loader" && key != "$parameters") CollectParents(item, names);
  }
}

// Fields that the specification marks as secret.
void RegisterSecrets(const Value& schema, const Value& config) {
  const auto properties = schema.Find("properties");
  if (properties && properties->is_map() && config.is_map()) {
    for (const auto& [key, field] : properties->as_map()) {
      const auto value = config.Find(jinja::ToText(key));
      if (!value || !field.is_map()) continue;
      if (jinja::Truthy(field.Find("airbyte_secret").value_or(Value())) && value->is_string()) {
        ProcessRedactor().AddSecret(value->as_string());
      }
      RegisterSecrets(field, *value);
    }
  }
  for (const char* key : {"oneOf", "anyOf", "allOf"}) {
    const auto choices = schema.Find(key);
    if (!choices || !choices->is_list()) continue;
    for (const Value& choice : choices->as_list()) {
      if (choice.is_map()) RegisterSecrets(choice, config);
    }
  }
}

// The data of a RECORD: the reference leaves out what is null at the top.
std::string RecordJson(const Value& record) {
  if (!record.is_map()) return jinja::ToJson(record);
  if (auto text = TextWithoutNulls(record)) return *std::move(text);
  const Entries& entries = record.as_map();
  const bool has_null =
      std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return entry.second.is_null(); });
  if (!has_null) return jinja::ToJson(record);
  Entries kept;
  for (const auto& entry : entries) {
    if (!entry.second.is_null()) kept.push_back(entry);
  }
  return jinja::ToJson(Value::OfMap(std::move(kept)));
}

// State by stream name out of a list of STATE messages' contents.
Entries StatesByName(const Value& state) {
  Entries states;
  for (const Value& item : state.is_list() ? state.as_list() : List()) {
    const Value message = item.Find("state").value_or(item);
    const auto stream = message.Find("stream");
    if (!stream) continue;
    const auto descriptor = stream->Find("stream_descriptor");
    const auto name = descriptor ? descriptor->Find("name") : std::nullopt;
    const auto value = stream->Find("stream_state");
    if (name && value && value->is_map()) Put(states, jinja::ToText(*name), *value);
  }
  return states;
}

}  // namespace

Result<std::unique_ptr<ManifestSource>> ManifestSource::Make(const Manifest& manifest, Value config, Options options) {
  std::unique_ptr<ManifestSource> made(new ManifestSource(manifest));
  RunContext& run = made->run_;
  run.clock = options.clock;
  run.http = options.http;
  run.sleep_scale = SleepScale();
  run.stop = options.stop;
  run.messages = options.messages;
  run.cache = &made->cache_;
  run.tokens = &made->tokens_;
  run.manifest_folder = options.manifest_folder;
  run.excerpt = options.excerpt;
  made->threads_ = std::max(1, options.threads);
  ARROW_RETURN_NOT_OK(made->PrepareConfig(std::move(config)));
  const Component budget = manifest.root.Child("api_budget");
  if (budget.present()) {
    ARROW_ASSIGN_OR_RAISE(made->budget_, ApiBudget::Make(budget, run));
    run.budget = made->budget_.get();
  }
  CollectParents(manifest.root.Child("streams").value(), &made->parent_names_);
  for (const Component& stream : manifest.Streams()) CollectParents(stream.value(), &made->parent_names_);
  return made;
}

Status ManifestSource::PrepareConfig(Value config) {
  const Component spec = manifest_.root.Child("spec");
  const Value schema = FieldOf(spec, "connection_specification");
  if (schema.is_map()) RegisterSecrets(schema, config);
  run_.config = config;
  const Component rules = spec.Child("config_normalization_rules");
  ARROW_ASSIGN_OR_RAISE(const Value migrated, MigratedConfig(rules, run_));
  if (!jinja::Equals(migrated, config)) ARROW_RETURN_NOT_OK(run_.messages->Control(jinja::ToJson(migrated)));
  run_.config = migrated;
  ARROW_ASSIGN_OR_RAISE(run_.config, TransformedConfig(rules, run_));
  keeper_ = std::make_unique<ConfigKeeper>(run_.config);
  run_.keeper = keeper_.get();
  return Status::OK();
}

Status ManifestSource::CheckConfig() const {
  const Component schema = manifest_.root.Child("spec").Child("connection_specification");
  if (!schema.present()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto settings, expression::ParseJson(jinja::ToJson(run_.config)));
  std::string why;
  for (const auto& problem : connector::airbyte::CheckSettings(schema.value(), settings)) {
    if (problem.kind == config::SettingProblem::Kind::kDoubtful) continue;
    std::string path;
    for (const std::string& name : problem.path) path += (path.empty() ? "" : ".") + name;
    const bool is_missing = problem.kind == config::SettingProblem::Kind::kMissing;
    if (is_missing) path += (path.empty() ? "" : ".") + problem.what;
    why += (why.empty() ? "`" : "; `") + path + "` " + (is_missing ? "is missing" : problem.what);
  }
  if (why.empty()) return Status::OK();
  return MakeError(Fault::kConfig, "the configuration does not fit the connector's specification: " + why,
                   {.code = "E0993",
                    .where = "",
                    .why = "",
                    .state = "nothing was read",
                    .next = "firn airbyte spec says what the connector wants"});
}

Result<Value> ManifestSource::Spec(const Manifest& manifest) {
  const Component spec = manifest.root.Child("spec");
  if (!spec.present()) return ManifestError(manifest.root, "the manifest has no `spec`");
  Entries entries;
  const Value schema = FieldOf(spec, "connection_specification");
  Put(entries, "connectionSpecification", schema.is_map() ? schema : EmptyMap());
  if (spec.Has("documentation_url")) Put(entries, "documentationUrl", FieldOf(spec, "documentation_url"));
  if (spec.Has("advanced_auth")) Put(entries, "advanced_auth", FieldOf(spec, "advanced_auth"));
  return Value::OfMap(std::move(entries));
}

Result<std::vector<Component>> ManifestSource::StaticStreams() const {
  std::vector<Component> out;
  for (const Component& stream : manifest_.Streams()) {
    if (stream.type() != "ConditionalStreams") {
      out.push_back(stream);
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const auto condition, InterpolatedField(stream, "condition"));
    Scope scope = run_.NewScope();
    ARROW_ASSIGN_OR_RAISE(const bool wanted, condition.EvalCondition(scope));
    if (!wanted) continue;
    for (const Component& inner : stream.Children("streams")) out.push_back(inner);
  }
  return out;
}

Result<std::vector<Component>> ManifestSource::Streams() {
  const std::lock_guard lock(streams_mutex_);
  if (streams_) return *streams_;
  ARROW_ASSIGN_OR_RAISE(std::vector<Component> streams, StaticStreams());
  for (const Component& dynamic : manifest_.root.Children("dynamic_streams")) {
    ARROW_ASSIGN_OR_RAISE(auto made, MakeDynamicStreams(dynamic, run_));
    for (Component& stream : made) {
      CollectParents(stream.value(), &parent_names_);
      streams.push_back(std::move(stream));
    }
  }
  streams_ = std::move(streams);
  return *streams_;
}

Status ManifestSource::CheckStream(const Component& component) {
  StreamContext context{.run = &run_, .is_parent = true, .depth = 0, .cursor_field = ""};
  ARROW_ASSIGN_OR_RAISE(const Component chosen, DelegatedStream(component, run_, EmptyMap()));
  ARROW_ASSIGN_OR_RAISE(const auto stream, DeclarativeStream::Make(chosen, context, EmptyMap(), nullptr));
  const Status enough = MakeError(Fault::kCancelled, "one record is enough");
  bool tried = false;
  const Status read = stream->Slices([&](const Slice& slice) -> Status {
    tried = true;
    ARROW_RETURN_NOT_OK(stream->ReadSlice(slice, [&](const Value& /*record*/) { return enough; }));
    return enough;
  });
  if (!read.ok() && !(tried && FaultOf(read) == Fault::kCancelled && !run_.stop.stop_requested())) return read;
  return tried ? Status::OK() : MakeError(Fault::kConfig, "there is no slice to read");
}

Status ManifestSource::Check() {
  ARROW_ASSIGN_OR_RAISE(const auto streams, Streams());
  const Component check = manifest_.root.Child("check");
  if (const Value overrides = FieldOf(check, "config_overrides"); overrides.is_map()) {
    run_.config = Merge(run_.config, overrides);
  }
  std::vector<std::string> names;
  Value wanted = FieldOf(check, "stream_names");
  if (const auto given = run_.config.Find("__airbyte_check_stream_names"); given && jinja::Truthy(*given))
    wanted = *given;
  for (const Value& name : wanted.is_list() ? wanted.as_list() : List()) names.push_back(jinja::ToText(name));
  if (check.type() == "CheckDynamicStream") {
    const int64_t count = check.Integer("stream_count").value_or(0);
    if (streams.empty()) return MakeError(Fault::kConfig, "there are no streams");
    for (int64_t i = 0; i < count && i < static_cast<int64_t>(streams.size()); ++i) {
      names.push_back(streams[static_cast<size_t>(i)].Text("name"));
    }
  }
  for (const std::string& name : names) {
    const auto found = std::find_if(streams.begin(), streams.end(),
                                    [&](const Component& stream) { return stream.Text("name") == name; });
    if (found == streams.end()) return MakeError(Fault::kConfig, "the check names no stream: " + name);
    const Status read = CheckStream(*found);
    if (!read.ok()) return Within("stream " + name + " is not available", read);
  }
  return Status::OK();
}

Result<Value> ManifestSource::Discover() {
  ARROW_ASSIGN_OR_RAISE(const auto streams, Streams());
  List found;
  for (const Component& component : streams) {
    StreamContext context{.run = &run_, .is_parent = false, .depth = 0, .cursor_field = ""};
    auto stream = DiscoveredStream(component, context);
    if (stream.ok()) {
      found.push_back(stream.MoveValueUnsafe());
    } else {
      const Status error = Within("stream " + component.Text("name") + " is left out", stream.status());
      ARROW_RETURN_NOT_OK(run_.messages->Log("ERROR", error.message()));
    }
  }
  return Value::OfList(std::move(found));
}

Result<Component> ManifestSource::FindStream(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const auto streams, Streams());
  const auto found = std::ranges::find_if(streams, [&](const Component& one) { return one.Text("name") == name; });
  if (found != streams.end()) return *found;
  return MakeError(Fault::kConfig, "the manifest has no stream " + name,
                   {.code = "E0503", .next = "firn airbyte discover names the streams there are"});
}

Result<Value> ManifestSource::SchemaOf(const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const Component component, FindStream(name));
  const StreamContext context{.run = &run_, .is_parent = false, .depth = 0, .cursor_field = ""};
  ARROW_ASSIGN_OR_RAISE(const Component chosen, DelegatedStream(component, run_, EmptyMap()));
  ARROW_ASSIGN_OR_RAISE(const auto stream, DeclarativeStream::Make(chosen, context, EmptyMap(), nullptr));
  return stream->JsonSchema();
}

Status ManifestSource::ReadStream(const Component& component, const Value& state, const RunContext& run) {
  const std::string name = component.Text("name");
  StreamContext context{.run = &run, .is_parent = parent_names_.contains(name), .depth = 0, .cursor_field = ""};
  ARROW_ASSIGN_OR_RAISE(const Component chosen, DelegatedStream(component, run, state));
  const bool delegated_anew = chosen.path() != component.path() && chosen.path().ends_with("full_refresh_stream");
  ARROW_ASSIGN_OR_RAISE(
      const auto stream,
      DeclarativeStream::Make(chosen, context, delegated_anew ? EmptyMap() : state,
                              [&](const Value& moved) { return run.messages->State(name, jinja::ToJson(moved)); }));
  ARROW_RETURN_NOT_OK(run.messages->TraceStatus(name, StreamStatus::kStarted));
  bool running = false;
  return stream->Read([&](const Value& record) -> Status {
    if (!running) ARROW_RETURN_NOT_OK(run.messages->TraceStatus(name, StreamStatus::kRunning));
    running = true;
    return run.messages->Record(name, RecordJson(record));
  });
}

Status ManifestSource::ReadOne(const std::string& name, const Value& state, Messages& messages,
                               io::HttpCounters& counters, std::stop_token stop) {
  ARROW_ASSIGN_OR_RAISE(const Component component, FindStream(name));
  RunContext run = run_;
  run.messages = &messages;
  run.strict_bodies = true;
  run.counters = &counters;
  run.stop = std::move(stop);
  return ReadStream(component, state, run);
}

bool ManifestSource::ReadStreamSafely(const Component& component, const Value& state) {
  const std::string name = component.Text("name");
  const Status read = ReadStream(component, state, run_);
  if (!read.ok()) static_cast<void>(run_.messages->TraceError(name, read));
  static_cast<void>(run_.messages->TraceStatus(name, read.ok() ? StreamStatus::kComplete : StreamStatus::kIncomplete));
  return read.ok();
}

Result<bool> ManifestSource::Read(const Value& catalog, const Value& state, const std::set<std::string>& only) {
  run_.catalog = catalog;
  ARROW_ASSIGN_OR_RAISE(const auto streams, Streams());
  const Entries states = StatesByName(state);
  std::set<std::string> wanted;
  const auto configured = catalog.Find("streams");
  for (const Value& item : configured && configured->is_list() ? configured->as_list() : List()) {
    const auto stream = item.Find("stream");
    if (stream) wanted.insert(jinja::ToText(stream->Find("name").value_or(Value())));
  }
  std::vector<const Component*> chosen;
  for (const Component& component : streams) {
    const std::string name = component.Text("name");
    if (configured && !wanted.contains(name)) continue;
    if (!only.empty() && !only.contains(name)) continue;
    chosen.push_back(&component);
    wanted.erase(name);
  }
  std::atomic<bool> good = true;
  for (const std::string& name : configured&& only.empty() ? wanted : std::set<std::string>()) {
    good = false;
    ARROW_RETURN_NOT_OK(run_.messages->TraceError(name, MakeError(Fault::kConfig, "the manifest has no such stream")));
    ARROW_RETURN_NOT_OK(run_.messages->TraceStatus(name, StreamStatus::kIncomplete));
  }
  std::atomic<size_t> next = 0;
  const auto work = [&](std::stop_token stop) -> Status {
    for (size_t i = next++; i < chosen.size() && !stop.stop_requested(); i = next++) {
      const Value* known = FindEntry(states, chosen[i]->Text("name"));
      if (!ReadStreamSafely(*chosen[i], known == nullptr ? EmptyMap() : *known)) good = false;
    }
    return Status::OK();
  };
  TaskGroup group;
  const size_t workers = std::min(static_cast<size_t>(threads_), std::max<size_t>(1, chosen.size()));
  for (size_t i = 0; i < workers; ++i) group.Spawn(work);
  ARROW_RETURN_NOT_OK(group.Join());
  return good.load();
}

}  // namespace firn::source::airbyte
