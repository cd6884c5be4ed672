#include "query/session.h"

#include <arrow/buffer.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "base/edit_distance.h"
#include "catalog/catalog.h"
#include "io/file_store.h"
#include "query/duckdb_engine.h"
#include "query/duckdb_error.h"
#include "query/prune.h"
#include "query/sql_rewrite.h"
#include "query/sql_text.h"
#include "query/sql_tokens.h"
#include "query/table_view.h"
#include "query/tables.h"
#include "query/temp_folder.h"
#include "table/metadata/metadata_json.h"
#include "table/scan/metadata_columns.h"

namespace firn::query {
namespace {

class ResultImpl : public QueryResult {
 public:
  ResultImpl(std::unique_ptr<DuckdbEngine> engine, std::unique_ptr<EngineResult> rows, QueryStats stats)
      : engine_(std::move(engine)), rows_(std::move(rows)), stats_(stats) {}
  const std::shared_ptr<arrow::Schema>& schema() const override { return rows_->schema(); }
  Result<std::shared_ptr<arrow::RecordBatch>> Next(std::stop_token stop) override {
    return rows_->Next(std::move(stop));
  }
  QueryStats stats() const override { return stats_; }

 private:
  std::unique_ptr<DuckdbEngine> engine_;  // outlives rows_
  std::unique_ptr<EngineResult> rows_;
  QueryStats stats_;
};

// DuckDB's own catalogs stay what they are.
bool IsDuckdbs(const std::vector<std::string>& name) {
  if (name.size() == 1) return LowerName(name[0]).starts_with("duckdb_");
  const std::string schema = LowerName(name[name.size() - 2]);
  return schema == "information_schema" || schema == "pg_catalog";
}

// Metadata columns are there for a query that names them, so that `*` stays the table's columns elsewhere.
Result<std::vector<std::string>> MetadataColumnsIn(const std::string& sql) {
  ARROW_ASSIGN_OR_RAISE(const std::vector<Token> tokens, Tokenize(sql));
  std::vector<std::string> names;
  for (const schema::Field& column : table::MetadataColumns()) {
    const bool named = std::ranges::any_of(tokens, [&](const Token& token) {
      return (token.kind == TokenKind::kWord || token.kind == TokenKind::kQuoted) &&
             LowerName(token.value) == column.name;
    });
    if (named) names.push_back(column.name);
  }
  return names;
}

// One run of one statement.
class Run {
 public:
  Run(catalog::Catalog* catalog, io::FileStore& files, const SessionOptions& options)
      : catalog_(catalog), files_(files) {
    engine_options_.memory_bytes = options.memory_bytes;
    engine_options_.threads = options.threads;
    engine_options_.temp_folder = options.temp_folder.empty() ? NewTempFolder("firn-sql") : options.temp_folder;
  }

  Result<std::unique_ptr<QueryResult>> Start(std::string_view sql, std::stop_token stop) {
    ARROW_ASSIGN_OR_RAISE(engine_, DuckdbEngine::Open(engine_options_));
    ARROW_ASSIGN_OR_RAISE(ParsedQuery query,
                          ParseQuery(sql, [this](std::string_view text) { return engine_->Parse(text); }));
    ARROW_ASSIGN_OR_RAISE(metadata_columns_, MetadataColumnsIn(query.text));
    std::vector<std::string> names;
    for (const TableReference& reference : query.references) {
      ARROW_ASSIGN_OR_RAISE(std::string name, NameOf(reference));
      names.push_back(std::move(name));
    }
    std::string statement = Splice(query, names);
    if (query.kind == QueryKind::kShowTables) {
      ARROW_ASSIGN_OR_RAISE(statement, ShowTables(query.prefix));
    }
    ARROW_RETURN_NOT_OK(engine_->Lock(paths_));
    auto rows = engine_->Query(statement, std::move(stop));
    if (!rows.ok()) return Explained(rows.status());
    return std::make_unique<ResultImpl>(std::move(engine_), std::move(*rows), stats_);
  }

 private:
  // Returns the SQL name of the view that stands for a reference, made on first use.
  Result<std::string> NameOf(const TableReference& reference) {
    if (!reference.metadata && IsDuckdbs(reference.name)) return reference.written;
    ++stats_.tables;
    std::vector<std::string> name = {"main", "iceberg"};
    if (!reference.metadata) {
      ARROW_ASSIGN_OR_RAISE(name, ViewName(reference));
    }
    ARROW_ASSIGN_OR_RAISE(TableState state, StateOf(reference));
    state.metadata_columns = metadata_columns_;
    // Each view has a database of its own, so that the names in the query stay those the person wrote.
    const std::string catalog = "firn_" + std::to_string(next_++);
    auto view = MakeView(*engine_, files_, state);
    if (!view.ok()) return Within("table " + reference.written, Coded(view.status()));
    const std::string schema = catalog + "." + QuoteName(name[0]);
    const std::string full = schema + "." + QuoteName(name[1]);
    ARROW_RETURN_NOT_OK(engine_->Execute("ATTACH ':memory:' AS " + catalog));
    ARROW_RETURN_NOT_OK(engine_->Execute("CREATE SCHEMA IF NOT EXISTS " + schema));
    ARROW_RETURN_NOT_OK(engine_->Execute("CREATE VIEW " + full + " AS " + view->sql));
    stats_.data_files += view->num_files;
    stats_.files_skipped += view->files_skipped;
    paths_.insert(paths_.end(), view->paths.begin(), view->paths.end());
    columns_.insert(columns_.end(), view->columns.begin(), view->columns.end());
    return full;
  }

  static Status Coded(const Status& status) { return WithContext(status, {.code = "E0709"}); }

  Result<std::vector<std::string>> ViewName(const TableReference& reference) {
    if (catalog_ == nullptr) {
      return MakeError(Fault::kConfig, "there is no lake here to find the table " + reference.written + " in",
                       {.code = "E0704",
                        .state = "nothing was changed",
                        .next = "run in a project's folder, or name the table as iceberg('<path>.metadata.json')"});
    }
    ARROW_ASSIGN_OR_RAISE(const auto identifier, Resolved(reference));
    std::string schema = reference.name.size() > 1 ? reference.name[reference.name.size() - 2] : identifier.ns.back();
    const std::string lower = LowerName(schema);
    if (lower == "information_schema" || lower == "pg_catalog") schema += "_";
    return std::vector<std::string>{schema, reference.name.back()};
  }

  Result<catalog::TableIdentifier> Resolved(const TableReference& reference) {
    auto found = ResolveParts(*catalog_, reference.name);
    const bool file = reference.name.size() == 1 && reference.name[0].find('/') != std::string::npos;
    if (found.ok() || !file) return found;
    return WithContext(MakeError(Fault::kConfig, "there is no table " + reference.written,
                                 {.code = "E0704",
                                  .why = "a query reads tables, not files",
                                  .next = "firn copy <file> <namespace>.<table>, then query the table"}),
                       {});
  }

  Result<catalog::LoadedTable> Load(const TableReference& reference) {
    if (reference.metadata) return LoadForeign(*reference.metadata);
    ARROW_ASSIGN_OR_RAISE(const auto identifier, Resolved(reference));
    const auto cached = loaded_.find(identifier);
    if (cached != loaded_.end()) return cached->second;
    ARROW_ASSIGN_OR_RAISE(auto loaded, catalog_->LoadTable(identifier));
    if (!loaded) {
      return MakeError(Fault::kConfig, "there is no table " + reference.written,
                       {.code = "E0704", .next = "firn tables"});
    }
    // One statement sees one state of a table, however often it names it.
    return loaded_.emplace(identifier, *std::move(loaded)).first->second;
  }

  Result<catalog::LoadedTable> LoadForeign(const std::string& written) {
    std::string location = written;
    if (location.find("://") == std::string::npos && !location.starts_with("file:") && !location.starts_with('/')) {
      char folder[4096];
      if (getcwd(folder, sizeof folder) == nullptr) return MakeError(Fault::kConfig, "the working folder is gone");
      location = std::string(folder) + "/" + location;
    }
    const auto bytes = files_.Read(location, table::kMetadataBytesMax);
    if (!bytes.ok()) {
      const Status& error = bytes.status();
      return MakeError(
          FaultOf(error), "the table metadata cannot be read: " + written,
          {.code = "E0704",
           .why = error.message(),
           .next = "name the newest <n>-<uuid>.metadata.json or v<n>.metadata.json of the table's folder"});
    }
    auto metadata = table::ParseMetadata(std::string_view(**bytes));
    if (!metadata.ok()) return WithContext(Within(written, metadata.status()), {.code = "E0709"});
    return catalog::LoadedTable{.metadata = std::make_shared<const table::TableMetadata>(*std::move(metadata)),
                                .metadata_location = location};
  }

  Result<TableState> StateOf(const TableReference& reference) {
    ARROW_ASSIGN_OR_RAISE(const catalog::LoadedTable loaded, Load(reference));
    TableState state{.metadata = loaded.metadata,
                     .snapshot = loaded.metadata->CurrentSnapshot(),
                     .schema = loaded.metadata->schema_ptr()};
    if (reference.at != TableReference::At::kNow) {
      auto status = TravelTo(reference, state);
      if (!status.ok()) return Within("table " + reference.written, status);
    }
    state.predicates = MakePredicates(reference.conditions, *state.schema, *state.metadata);
    return state;
  }

  Status TravelTo(const TableReference& reference, TableState& state) {
    const bool by_version = reference.at == TableReference::At::kVersion;
    const std::string expression = "(" + reference.at_expression + "\n)";
    ARROW_ASSIGN_OR_RAISE(std::string text,
                          Evaluate(by_version ? "SELECT CAST(" + expression + " AS VARCHAR)"
                                              : "SELECT epoch_us(CAST(" + expression + " AS TIMESTAMPTZ))::VARCHAR"));
    if (!by_version && !text.empty()) text = FormatTimestamp({.micros = std::stoll(text)});
    ARROW_ASSIGN_OR_RAISE(state.snapshot, FindSnapshotByText(*state.metadata, text));
    // A branch goes on being written, so it is read as the table is now; anything else as it was then.
    const auto ref = state.metadata->refs.find(text);
    const bool branch = ref != state.metadata->refs.end() && ref->second.type == table::SnapshotRef::Type::kBranch;
    if (branch || !state.snapshot->schema_id) return Status::OK();
    table::SchemaPtr then = state.metadata->FindSchema(*state.snapshot->schema_id);
    if (!then)
      return MakeError(Fault::kBadData, "the snapshot's schema is missing from the metadata", {.code = "E0709"});
    state.schema = std::move(then);
    return Status::OK();
  }

  // In a DuckDB of its own that reaches nothing.
  Result<std::string> Evaluate(const std::string& sql) {
    if (!calculator_) {
      ARROW_ASSIGN_OR_RAISE(calculator_, DuckdbEngine::Open(engine_options_));
      ARROW_RETURN_NOT_OK(calculator_->Lock({}));
    }
    return calculator_->Value(sql);
  }

  Result<std::string> ShowTables(const std::string& prefix) {
    std::string rows;
    if (catalog_ != nullptr) {
      ARROW_ASSIGN_OR_RAISE(const auto tables, ListTables(*catalog_));
      for (const auto& info : tables) {
        const std::string name = info.identifier.ToString();
        const std::string ns = name.substr(0, name.size() - info.identifier.name.size() - 1);
        rows += (rows.empty() ? "" : ", ") + ("(" + QuoteText(ns)) + ", " + QuoteText(info.identifier.name) + ")";
      }
    }
    if (rows.empty()) return prefix + "SELECT '' AS namespace, '' AS name WHERE false";
    return prefix + "SELECT * FROM (VALUES " + rows + ") AS tables(namespace, name)";
  }

  // Adds to an unknown column what the person may have meant.
  Status Explained(const Status& status) {
    const ErrorContext* context = ContextOf(status);
    if (context == nullptr || context->code != "E0705") return status;
    const std::string name(UnknownColumn(context->why));
    const auto near = Nearest(name, columns_);
    if (!near) return status;
    ErrorContext better = *context;
    better.next = "did you mean " + *near + "?";
    return MakeError(FaultOf(status), status.message(), std::move(better));
  }

  catalog::Catalog* catalog_;
  io::FileStore& files_;
  EngineOptions engine_options_;
  std::unique_ptr<DuckdbEngine> engine_;
  std::unique_ptr<DuckdbEngine> calculator_;
  std::map<catalog::TableIdentifier, catalog::LoadedTable> loaded_;
  std::vector<std::string> paths_;
  std::vector<std::string> columns_;
  QueryStats stats_;
  std::vector<std::string> metadata_columns_;
  int next_ = 0;
};

class SessionImpl : public Session {
 public:
  SessionImpl(catalog::Catalog* catalog, io::FileStore& files, SessionOptions options)
      : catalog_(catalog), files_(files), options_(std::move(options)) {}
  Result<std::unique_ptr<QueryResult>> Run(std::string_view sql, std::stop_token stop) override {
    return firn::query::Run(catalog_, files_, options_).Start(sql, std::move(stop));
  }

 private:
  catalog::Catalog* catalog_;
  io::FileStore& files_;
  SessionOptions options_;
};

}  // namespace

Result<std::unique_ptr<Session>> Session::Open(catalog::Catalog* catalog, io::FileStore& files,
                                               SessionOptions options) {
  return std::make_unique<SessionImpl>(catalog, files, std::move(options));
}

}  // namespace firn::query
