#include "source/airbyte/table_source.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "base/task_group.h"
#include "base/thread_annotations.h"
#include "connector/airbyte/declaration.h"
#include "source/airbyte/row_messages.h"
#include "source/airbyte/schema_columns.h"
#include "source/airbyte/source.h"
#include "source/kept_config.h"
#include "source/read_stats.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::Manifest;

constexpr char kSplit[] = "all";
constexpr int64_t kQueueBytesMax = int64_t{4} << 20;

Status InStream(const std::string& stream, const Status& status) {
  return status.ok() ? status : WithContext(Within("stream " + stream, status), {.code = "E0504"});
}

// A manifest with its configuration, made ready to read.
class Connector {
 public:
  static Result<std::unique_ptr<Connector>> Make(const TableSourceOptions& options, const KeptConfig& kept,
                                                 std::stop_token stop) {
    std::unique_ptr<Connector> made(new Connector());
    ARROW_ASSIGN_OR_RAISE(made->manifest_, connector::airbyte::ReadManifest(options.config.manifest));
    ARROW_ASSIGN_OR_RAISE(const std::string text, kept.Get());
    ARROW_ASSIGN_OR_RAISE(Value config, jinja::ParseJson(text));
    const ManifestSource::Options settings{
        .clock = options.clock,
        .http = options.http,
        .messages = &made->unheard_,
        .stop = std::move(stop),
        .manifest_folder = std::filesystem::path(options.config.manifest).parent_path().string(),
        .excerpt = options.excerpt};
    ARROW_ASSIGN_OR_RAISE(made->source_, ManifestSource::Make(made->manifest_, std::move(config), settings));
    return made;
  }

  ManifestSource& source() { return *source_; }

  // The stream's cursor as the manifest writes it; nullopt: it has none, "": only its configuration says.
  Result<std::optional<std::string>> CursorOf(const std::string& stream) {
    ARROW_ASSIGN_OR_RAISE(const auto streams, source_->Streams());
    for (const Component& component : streams) {
      if (component.Text("name") != stream) continue;
      const bool delegates = component.type() == "StateDelegatingStream";
      const Component sync = (delegates ? component.Child("incremental_stream") : component).Child("incremental_sync");
      if (!sync.present()) return std::optional<std::string>();
      const std::string field = sync.Text("cursor_field");
      return std::optional<std::string>(field.find("{{") == std::string::npos ? field : "");
    }
    return std::optional<std::string>();
  }

 private:
  // Migrations of the configuration are made anew by each run: nobody has to hear of them.
  class Unheard : public Messages {
   public:
    Status Record(std::string_view, std::string_view) override { return Status::OK(); }
    Status State(std::string_view, const std::string&) override { return Status::OK(); }
    Status Log(std::string_view, std::string_view) override { return Status::OK(); }
    Status TraceStatus(std::string_view, StreamStatus) override { return Status::OK(); }
    Status TraceError(std::string_view, const firn::Status&) override { return Status::OK(); }
    Status Control(const std::string&) override { return Status::OK(); }
    void RateLimited(std::string_view) override {}
  };

  Connector() = default;

  Unheard unheard_;
  Manifest manifest_;
  std::unique_ptr<ManifestSource> source_;
};

class StreamReader : public SplitReader {
 public:
  struct Options {
    bool goes_on = false;
    Value state;
    const KeptConfig* kept = nullptr;
    io::HttpCounters* counters = nullptr;
    arrow::MemoryPool* pool = nullptr;
  };
  /// Everything is borrowed.
  StreamReader(Connector& connector, const StreamTable& table, const Options& options)
      : stream_(table.stream), events_(kQueueBytesMax) {
    reading_.Spawn([this, &connector, options](std::stop_token stop) {
      RowMessages rows({.stream = stream_,
                        .keeps_states = options.goes_on,
                        .kept = options.kept,
                        .pool = options.pool,
                        .stop = stop},
                       &events_);
      ARROW_RETURN_NOT_OK(connector.source().ReadOne(stream_, options.state, rows, *options.counters, stop));
      ARROW_RETURN_NOT_OK(rows.Flush());
      events_.Finish();
      return Status::OK();
    });
  }

  Result<std::optional<Event>> Next(std::stop_token stop) override {
    const std::stop_callback stops(stop, [this] { reading_.Stop(); });
    auto event = events_.Pop(reading_.stop_token());
    if (event.ok()) return event;
    const Status why = reading_.Join();  // the reading stopped: by an error of its own, or because it was to
    if (why.ok() || FaultOf(why) == Fault::kCancelled) return event.status();
    return InStream(stream_, why);
  }

 private:
  const std::string stream_;
  EventQueue events_;
  TaskGroup reading_;  // last: it ends first
};

class TableSource : public Source {
 public:
  explicit TableSource(TableSourceOptions options)
      : options_(std::move(options)), kept_(options_.kept, options_.pipeline, options_.config.config_json) {
    for (const StreamTable& table : options_.tables) counters_[table.name];
  }
  ~TableSource() override { stop_.request_stop(); }

  std::vector<std::string> tables() const override {
    std::vector<std::string> names;
    for (const StreamTable& table : options_.tables) names.push_back(table.name);
    return names;
  }

  Result<TableTraits> Traits(const std::string& name) const override {
    const StreamTable& table = Find(name);
    return TableTraits{
        .primary_key = table.primary_key,
        .resumability = table.goes_on ? Resumability::kStable : Resumability::kUnstable,
        .guarantee_note = table.appends ? "connectors ask again for the rows of their cursor's last value" : ""};
  }

  Result<std::vector<DeclaredColumn>> DeclaredColumns(const std::string& name) override {
    if (!options_.config.declared_types) return std::vector<DeclaredColumn>();
    const StreamTable& table = Find(name);
    ARROW_ASSIGN_OR_RAISE(Connector * connector, Ready());
    const auto schema = connector->source().SchemaOf(table.stream);
    if (!schema.ok()) return InStream(table.stream, schema.status());
    return ColumnsOfSchema(*schema);
  }

  Result<std::vector<Split>> Plan(const ReadRequest& request, std::stop_token) override {
    const StreamTable& table = Find(request.table);
    if (request.from || request.to) {
      return MakeError(Fault::kConfig,
                       "a connector decides itself where it goes on: --from and --to mean nothing to it",
                       {.state = "nothing was read", .next = "set its start in `config:` of the source"});
    }
    ARROW_ASSIGN_OR_RAISE(Connector * connector, Ready());
    const auto cursor = connector->CursorOf(table.stream);
    if (!cursor.ok()) return InStream(table.stream, cursor.status());
    // Without a cursor the state says that all was read, and the next run would read nothing.
    const bool goes_on = table.goes_on && cursor->has_value();
    Split split{.id = kSplit, .resumability = goes_on ? Resumability::kStable : Resumability::kUnstable};
    for (const auto& [id, position] : request.state) {
      if (id == kSplit && goes_on) split.from = position;
    }
    return std::vector<Split>{split};
  }

  Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest& request, const Split& split) override {
    const StreamTable& table = Find(request.table);
    ARROW_ASSIGN_OR_RAISE(Connector * connector, Ready());
    Value state = EmptyMap();
    if (!split.from.json.empty()) {
      ARROW_ASSIGN_OR_RAISE(state, jinja::ParseJson(split.from.json));
    }
    return std::make_unique<StreamReader>(*connector, table,
                                          StreamReader::Options{.goes_on = split.resumability == Resumability::kStable,
                                                                .state = std::move(state),
                                                                .kept = &kept_,
                                                                .counters = &counters_.at(table.name),
                                                                .pool = options_.pool});
  }

  Status Acknowledge(const std::string&, const Split&, const Position&) override { return Status::OK(); }
  // Of streams that the API names, the requests for their names are not among them.
  ReadStats stats(const std::string& name) const override {
    ReadStats stats;
    AddCounters(counters_.at(name), &stats);
    return stats;
  }

 private:
  const StreamTable& Find(const std::string& name) const {
    const auto found = std::ranges::find(options_.tables, name, &StreamTable::name);
    FIRN_CHECK(found != options_.tables.end());
    return *found;
  }

  Result<Connector*> Ready() {
    const MutexLock lock(mutex_);
    if (connector_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(connector_, Connector::Make(options_, kept_, stop_.get_token()));
    }
    return connector_.get();
  }

  const TableSourceOptions options_;
  const KeptConfig kept_;
  std::map<std::string, io::HttpCounters> counters_;  // by table; one for each
  std::stop_source stop_;
  Mutex mutex_;
  std::unique_ptr<Connector> connector_ FIRN_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Source> MakeTableSource(TableSourceOptions options) {
  return std::make_unique<TableSource>(std::move(options));
}

Result<std::string> CheckConnection(const TableSourceOptions& options, std::stop_token stop) {
  const KeptConfig kept(options.kept, options.pipeline, options.config.config_json);
  ARROW_ASSIGN_OR_RAISE(const auto connector, Connector::Make(options, kept, std::move(stop)));
  ARROW_RETURN_NOT_OK(connector->source().Check());
  return std::filesystem::path(options.config.manifest).filename().string() + ": its check passes";
}

}  // namespace firn::source::airbyte
