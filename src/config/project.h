#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "config/declared_tables.h"
#include "config/diagnostic.h"
#include "config/lake_config.h"
#include "config/source_config.h"
#include "config/table_config.h"

namespace firn::config {

struct Node;

struct Schedule {
  enum class Kind { kNone, kOff, kEvery, kCron };
  Kind kind = Kind::kNone;
  std::string text;      // as written
  int64_t every_ms = 0;  // kEvery
};

enum class Naming { kSource, kSnakeCase, kLower };

struct PipelineConfig {
  std::string name;
  std::string config_path;  // "pipelines.shop"
  SourceConfig source;
  std::vector<PoolConfig> pools;  // of the source, sorted by name
  std::string dataset;            // Iceberg namespace, dataset_prefix included; levels separated by '.'
  Schedule schedule;
  Naming naming = Naming::kSource;
  SystemColumns system_columns = SystemColumns::kFirn;  // of its tables, unless they say otherwise
  AlertsConfig alerts;                                  // those of the project included
  bool tuning = true;               // settings that the server does not bear are halved from run to run
  std::vector<TableConfig> tables;  // in file order
  std::vector<Choice> choices;

  const TableConfig* FindTable(std::string_view table) const;
};

/// A checked project. Immutable; shared freely between threads.
struct Project {
  int version = 1;
  std::string folder;              // absolute; relative paths of the project are relative to it
  std::vector<std::string> files;  // what was read, as shown to the user; empty: no project was found
  std::string environment;         // chosen by --env, FIRN_ENV or ENVIRONMENT; empty: none
  LakeConfig lake;
  std::string state_folder;  // absolute; run history, locks, caches; default <folder>/.firn
  /// Where history, leases and exchanged secrets are, if not in state_folder: "s3://bucket/prefix", "file:///shared".
  /// Then state_folder is scratch. Without a last slash.
  std::string state_location;
  LimitsConfig limits;
  std::string mask_key;                   // secret; the key of mask_on_write: hmac
  AlertsConfig alerts;                    // of the project itself
  std::vector<PipelineConfig> pipelines;  // in file order
  std::vector<Choice> choices;

  const PipelineConfig* FindPipeline(std::string_view name) const;
  /// Returns where `path` ("pipelines.shop.tables.orders.records", list items by index: "primary_key.0") was written,
  /// as "firn.yaml:28:9". A path that was not written gives the place of its nearest written ancestor; "" if there is
  /// none.
  std::string WhereIs(std::string_view path) const;
  /// The same as a range.
  Span SpanOf(std::string_view path) const;

  std::map<std::string, Span, std::less<>> spans;  // by path; of the value
  std::shared_ptr<const Node> tree;                // merged and resolved; holds secrets, show it only by ShowConfig
};

struct Override {
  std::string path;    // "pipelines.shop.source.base_url"
  std::string value;   // a YAML value
  std::string origin;  // "--set"
};

/// What the loader may look at. All of it is explicit, so that tests own it; FromProcess() fills it from the process.
struct LoadOptions {
  std::string config;  // --config: a file, a folder, or "-"; empty: FIRN_CONFIG, then firn.yaml upward
  std::string
      environment;  // --env; empty: FIRN_ENV, then ENVIRONMENT (the latter only if the project has environments)
  std::vector<Override> overrides;         // flags; win over everything
  std::string working_folder;              // absolute
  std::map<std::string, std::string> env;  // the process's environment variables
  std::string stdin_text;                  // read by the caller when config is "-"
  bool resolve_secrets =
      true;  // false: unset ${env:…} and missing ${file:…} become placeholders (`validate --offline`)

  /// false: the same of pipelines' sources and tables alone, for commands that ask no source.
  bool resolve_sources = true;

  DeclarationOf connector_declaration;  // null: nothing is taken from manifests of connectors

  static LoadOptions FromProcess();
};

/// Loads, merges, resolves and checks a project. Findings, warnings included, go to `diagnostics` (required).
/// Registers every resolved secret in ProcessRedactor(). Does no network I/O. Without any project file the result has
/// no pipelines and the lake ./lake, unless `config` or FIRN_CONFIG named one.
/// Errors: kConfig, with the first finding's code and place; then `diagnostics` has all of them.
Result<Project> LoadProject(const LoadOptions& options, Diagnostics* diagnostics);

struct ShowOptions {
  bool resolved = false;  // with defaults and derived values; else only what was written
  bool why = false;       // a comment with the winning place of each value, and the places it won over
};

/// Returns the project as YAML. Secrets, and values that came from ${…} in headers, show as "***".
std::string ShowConfig(const Project& project, const ShowOptions& options);

/// Returns the JSON Schema (draft-07) of project files, as yaml-language-server reads it.
std::string RenderJsonSchema();

/// Returns the reference of all fields as Markdown, as kept in docs/reference/configuration.md.
std::string RenderReference();

}  // namespace firn::config
