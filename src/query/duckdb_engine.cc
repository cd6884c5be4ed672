#include "query/duckdb_engine.h"

#include <arrow/array/array_base.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "query/duckdb_error.h"
#include "query/duckdb_library.h"
#include "query/duckdb_scan.h"
#include "query/duckdb_type.h"
#include "query/sql_text.h"

namespace firn::query {
namespace {

// Owners of the C handles; each is bound to the library it came from.
class Prepared {
 public:
  explicit Prepared(const DuckdbLibrary& duckdb) : duckdb_(duckdb) {}
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  ~Prepared() { duckdb_.destroy_prepare(&handle); }
  duckdb_prepared_statement handle = nullptr;

 private:
  const DuckdbLibrary& duckdb_;
};

class Rows {
 public:
  explicit Rows(const DuckdbLibrary& duckdb) : duckdb_(duckdb) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows() { duckdb_.destroy_result(&handle); }
  duckdb_result handle{};

 private:
  const DuckdbLibrary& duckdb_;
};

// From the moment of a stop until destroyed, interrupts what the connection runs, again and again: DuckDB forgets an
// interrupt that comes just before it starts a step.
class Interrupter {
 public:
  Interrupter(const DuckdbLibrary& duckdb, duckdb_connection connection, std::stop_token stop)
      : callback_(std::move(stop), [this, &duckdb, connection] {
          thread_ = std::jthread([this, &duckdb, connection](std::stop_token done) {
            std::unique_lock lock(mutex_);
            while (!done.stop_requested()) {
              duckdb.interrupt(connection);
              wake_.wait_for(lock, done, std::chrono::milliseconds(5), [] { return false; });
            }
          });
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
  std::stop_callback<std::function<void()>> callback_;  // last: destroyed first
};

class Engine;

class ResultStream : public EngineResult {
 public:
  ResultStream(Engine& engine, const DuckdbLibrary& duckdb) : engine_(engine), duckdb_(duckdb), rows_(duckdb) {}
  ~ResultStream() override { duckdb_.destroy_arrow_options(&options_); }
  Status Start(duckdb_prepared_statement statement, std::stop_token stop);
  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  Result<std::shared_ptr<arrow::RecordBatch>> Next(std::stop_token stop) override;

 private:
  Status ReadSchema();
  Engine& engine_;
  const DuckdbLibrary& duckdb_;
  Rows rows_;
  duckdb_arrow_options options_ = nullptr;
  std::shared_ptr<arrow::Schema> schema_;
};

class Engine : public DuckdbEngine {
 public:
  explicit Engine(const DuckdbLibrary& duckdb) : duckdb_(duckdb), scans_(duckdb) {}
  ~Engine() override {
    if (connection_ != nullptr) duckdb_.disconnect(&connection_);
    if (database_ != nullptr) duckdb_.close(&database_);
  }
  Status Start(const EngineOptions& options);

  Status Execute(const std::string& sql) override;
  Result<std::string> Value(const std::string& sql) override;
  Result<std::string> Parse(std::string_view sql) override {
    return Value("SELECT json_serialize_sql(" + QuoteText(sql) + "::VARCHAR)");
  }
  Result<int64_t> AddScan(ArrowScan scan) override { return scans_.Add(std::move(scan)); }
  Status Lock(std::span<const std::string> paths) override;
  Result<std::unique_ptr<EngineResult>> Query(const std::string& sql, std::stop_token stop) override;

  /// The error of a running statement: what a scan said if it was one, else DuckDB's text.
  Status RunError(const char* message);
  duckdb_connection connection() const { return connection_; }

 private:
  Status Prepare(const std::string& sql, Prepared& statement);
  const DuckdbLibrary& duckdb_;
  ScanRegistry scans_;  // outlives the database
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

Status Engine::Start(const EngineOptions& options) {
  duckdb_config config = nullptr;
  duckdb_.create_config(&config);
  const std::vector<std::pair<const char*, std::string>> settings = {
      {"memory_limit", std::to_string(options.memory_bytes) + "B"},
      {"threads",
       std::to_string(options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency()))},
      {"temp_directory", options.temp_folder},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"allow_community_extensions", "false"},
      {"allow_persistent_secrets", "false"},
  };
  for (const auto& [name, value] : settings) {
    if (duckdb_.set_config(config, name, value.c_str()) != DuckDBSuccess) {
      duckdb_.destroy_config(&config);
      return MakeError(Fault::kBug, std::string("DuckDB does not know the setting ") + name);
    }
  }
  char* message = nullptr;
  const duckdb_state state = duckdb_.open_ext(nullptr, &database_, config, &message);
  duckdb_.destroy_config(&config);
  if (state != DuckDBSuccess) {
    Status status = RunError(message);
    duckdb_.free(message);
    return status;
  }
  if (duckdb_.connect(database_, &connection_) != DuckDBSuccess) return MakeError(Fault::kBug, "DuckDB: no connection");
  ARROW_RETURN_NOT_OK(scans_.Register(connection_));
  return Execute("SET TimeZone='UTC'");
}

Status Engine::RunError(const char* message) {
  const Status failure = scans_.TakeFailure();
  return failure.ok() ? TranslateRunError(message == nullptr ? "" : message) : failure;
}

Status Engine::Execute(const std::string& sql) {
  Rows rows(duckdb_);
  if (duckdb_.query(connection_, sql.c_str(), &rows.handle) == DuckDBSuccess) return Status::OK();
  return TranslatePrepareError(duckdb_.result_error(&rows.handle));
}

Status Engine::Prepare(const std::string& sql, Prepared& statement) {
  if (duckdb_.prepare(connection_, sql.c_str(), &statement.handle) == DuckDBSuccess) return Status::OK();
  const char* message = duckdb_.prepare_error(statement.handle);
  if (const Status failure = scans_.TakeFailure(); !failure.ok()) return failure;
  return TranslatePrepareError(message == nullptr ? "" : message);
}

Result<std::string> Engine::Value(const std::string& sql) {
  Prepared statement(duckdb_);
  ARROW_RETURN_NOT_OK(Prepare(sql, statement));
  ResultStream rows(*this, duckdb_);
  ARROW_RETURN_NOT_OK(rows.Start(statement.handle, {}));
  ARROW_ASSIGN_OR_RAISE(const auto batch, rows.Next({}));
  if (!batch || batch->num_columns() == 0 || batch->column(0)->IsNull(0)) return std::string();
  ARROW_ASSIGN_OR_RAISE(const auto scalar, batch->column(0)->GetScalar(0));
  return scalar->ToString();
}

Status Engine::Lock(std::span<const std::string> paths) {
  std::string list;
  for (const auto& path : paths) list += (list.empty() ? "" : ",") + QuoteText(path);
  ARROW_RETURN_NOT_OK(Execute("SET allowed_paths=[" + list + "]"));
  ARROW_RETURN_NOT_OK(Execute("SET enable_external_access=false"));
  return Execute("SET lock_configuration=true");
}

// What Arrow cannot hold exactly is cast to text around the person's statement.
std::optional<std::string> ExactQuery(const DuckdbLibrary& duckdb, duckdb_prepared_statement statement,
                                      const std::string& sql) {
  bool changed = false;
  std::string columns;
  std::string names;
  const idx_t count = duckdb.prepared_statement_column_count(statement);
  for (idx_t i = 0; i < count; ++i) {
    const std::string name = "c" + std::to_string(i);
    duckdb_logical_type type = duckdb.prepared_statement_column_logical_type(statement, i);
    const ExactType exact = MakeExactType(duckdb, type);
    duckdb.destroy_logical_type(&type);
    const char* label = duckdb.prepared_statement_column_name(statement, i);
    changed |= exact.changed;
    columns += (i == 0 ? "" : ", ") + (exact.changed ? "CAST(" + name + " AS " + exact.sql + ")" : name) + " AS " +
               QuoteName(label);
    names += (i == 0 ? "" : ", ") + name;
    duckdb.free(const_cast<char*>(label));
  }
  if (!changed) return std::nullopt;
  return "SELECT " + columns + " FROM (" + sql + "\n) AS firn_result(" + names + ")";
}

Result<std::unique_ptr<EngineResult>> Engine::Query(const std::string& sql, std::stop_token stop) {
  Prepared statement(duckdb_);
  ARROW_RETURN_NOT_OK(Prepare(sql, statement));
  const auto type = duckdb_.prepared_statement_type(statement.handle);
  if (type != DUCKDB_STATEMENT_TYPE_SELECT && type != DUCKDB_STATEMENT_TYPE_EXPLAIN) return NotReading();
  if (duckdb_.nparams(statement.handle) > 0) return NoParameters();
  auto result = std::make_unique<ResultStream>(*this, duckdb_);
  const auto exact = type == DUCKDB_STATEMENT_TYPE_SELECT ? ExactQuery(duckdb_, statement.handle, sql) : std::nullopt;
  if (exact) {
    Prepared wrapped(duckdb_);
    ARROW_RETURN_NOT_OK(Prepare(*exact, wrapped));
    ARROW_RETURN_NOT_OK(result->Start(wrapped.handle, stop));
  } else {
    ARROW_RETURN_NOT_OK(result->Start(statement.handle, stop));
  }
  return result;
}

Status ResultStream::Start(duckdb_prepared_statement statement, std::stop_token stop) {
  const Interrupter interrupter(duckdb_, engine_.connection(), stop);
  const duckdb_state state = duckdb_.execute_prepared_streaming(statement, &rows_.handle);
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "the query was stopped");
  if (state != DuckDBSuccess) {
    return engine_.RunError(duckdb_.result_error(&rows_.handle));
  }
  return ReadSchema();
}

Status ResultStream::ReadSchema() {
  std::vector<duckdb_logical_type> types;
  std::vector<const char*> names;
  const idx_t count = duckdb_.column_count(&rows_.handle);
  for (idx_t i = 0; i < count; ++i) {
    types.push_back(duckdb_.column_logical_type(&rows_.handle, i));
    names.push_back(duckdb_.column_name(&rows_.handle, i));
  }
  options_ = duckdb_.result_get_arrow_options(&rows_.handle);
  ArrowSchema exported{};
  duckdb_error_data error = duckdb_.to_arrow_schema(options_, types.data(), names.data(), count, &exported);
  for (auto& type : types) duckdb_.destroy_logical_type(&type);
  Status status;
  if (error != nullptr && duckdb_.error_data_has_error(error))
    status = engine_.RunError(duckdb_.error_data_message(error));
  if (error != nullptr) duckdb_.destroy_error_data(&error);
  ARROW_RETURN_NOT_OK(status);
  return arrow::ImportSchema(&exported).Value(&schema_);
}

Result<std::shared_ptr<arrow::RecordBatch>> ResultStream::Next(std::stop_token stop) {
  const Interrupter interrupter(duckdb_, engine_.connection(), stop);
  duckdb_data_chunk chunk = duckdb_.fetch_chunk(rows_.handle);
  if (stop.stop_requested()) {
    if (chunk != nullptr) duckdb_.destroy_data_chunk(&chunk);
    return MakeError(Fault::kCancelled, "the query was stopped");
  }
  if (chunk == nullptr) {
    const char* message = duckdb_.result_error(&rows_.handle);
    if (message != nullptr && *message != '\0') return engine_.RunError(message);
    return nullptr;
  }
  if (duckdb_.data_chunk_get_size(chunk) == 0) {
    duckdb_.destroy_data_chunk(&chunk);
    return nullptr;
  }
  ArrowArray array{};
  duckdb_error_data error = duckdb_.data_chunk_to_arrow(options_, chunk, &array);
  duckdb_.destroy_data_chunk(&chunk);
  Status status;
  if (error != nullptr && duckdb_.error_data_has_error(error))
    status = engine_.RunError(duckdb_.error_data_message(error));
  if (error != nullptr) duckdb_.destroy_error_data(&error);
  ARROW_RETURN_NOT_OK(status);
  return arrow::ImportRecordBatch(&array, schema_);
}

}  // namespace

Result<std::unique_ptr<DuckdbEngine>> DuckdbEngine::Open(const EngineOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const DuckdbLibrary* duckdb, LoadDuckdb());
  auto engine = std::make_unique<Engine>(*duckdb);
  ARROW_RETURN_NOT_OK(engine->Start(options));
  return engine;
}

}  // namespace firn::query
