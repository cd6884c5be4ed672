#include "pipeline/lineage_event.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "base/hash.h"
#include "base/redactor.h"
#include "base/uuid.h"
#include "config/steps_workflow.h"
#include "io/object_location.h"
#include "pipeline/run_plan.h"

namespace firn::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kProducer[] = "urn:firn:" FIRN_VERSION;
constexpr char kEventSchema[] = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

Uuid NamedUuid(const std::string& name) {
  const Sha256Digest digest = HmacSha256("firn lineage", name);
  Uuid uuid;
  std::copy_n(digest.begin(), uuid.bytes.size(), uuid.bytes.begin());
  uuid.bytes[6] =
      static_cast<uint8_t>((uuid.bytes[6] & 0x0f) | 0x80);  // version 8: made by a rule of our own (RFC 9562)
  uuid.bytes[8] = static_cast<uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  return uuid;
}

// `version`: "1-0-1" of the facet's schema.
Json Facet(const std::string& name, const std::string& version, Json content) {
  Json facet = {{"_producer", kProducer},
                {"_schemaURL", "https://openlineage.io/spec/facets/" + version + "/" + name + ".json#/$defs/" + name}};
  facet.update(content);
  return facet;
}

// Namespace and name of what a location holds, as OpenLineage's naming rules have them: "s3://bucket" and the key, or
// "file" and the path.
std::pair<std::string, std::string> PlaceOf(const std::string& location) {
  if (io::IsObjectLocation(location)) {
    const size_t key = location.find('/', location.find("://") + 3);
    return {location.substr(0, key), key == std::string::npos ? "/" : location.substr(key + 1)};
  }
  return {"file", location.starts_with("file://") ? location.substr(7) : location};
}

Json DatasetOf(const std::pair<std::string, std::string>& place, Json facets = Json::object()) {
  return {{"namespace", place.first}, {"name", place.second}, {"facets", std::move(facets)}};
}

Json InputsOf(const LineageSubject& subject) {
  Json inputs = Json::array();
  const auto& source = subject.pipeline.source;
  if (const auto* rest = std::get_if<config::RestSourceConfig>(&source)) {
    const size_t host = rest->base_url.find("://") + 3, path = rest->base_url.find('/', host);
    const std::string below = path == std::string::npos ? "" : rest->base_url.substr(path);
    std::string name =
        subject.table.path.find("://") == std::string::npos ? below + subject.table.path : subject.table.path;
    name = name.substr(0, name.find('?'));
    inputs.push_back(DatasetOf({rest->base_url.substr(0, path), name}));
  } else if (const auto* files = std::get_if<config::FilesSourceConfig>(&source)) {
    for (const std::string& pattern : subject.table.files.patterns) {
      inputs.push_back(DatasetOf(PlaceOf(files->location + "/" + pattern)));
    }
  } else if (const auto* airbyte = std::get_if<config::AirbyteSourceConfig>(&source)) {
    const std::string connector = std::filesystem::path(airbyte->manifest).parent_path().filename().string();
    inputs.push_back(DatasetOf({"airbyte", connector + ":" + subject.table.name}));
  } else if (const auto* steps = std::get_if<config::StepsSourceConfig>(&source)) {
    inputs.push_back(DatasetOf({"steps", steps->workflow->name + ":" + subject.table.name}));
  } else if (const auto* process = std::get_if<config::ProcessSourceConfig>(&source)) {
    const std::string& program = process->command.front();
    inputs.push_back(DatasetOf({"process", program.substr(program.rfind('/') + 1) + ":" + subject.table.name}));
  }
  return inputs;
}

Json FieldsOf(const std::vector<schema::Field>& fields) {
  Json out = Json::array();
  for (const auto& field : fields) {
    Json one = {{"name", field.name}, {"type", field.type->is_nested() ? "" : ToString(*field.type)}};
    if (field.type->id == schema::TypeId::kStruct) one["type"] = "struct";
    if (field.type->id == schema::TypeId::kList) one["type"] = "array";
    if (field.type->id == schema::TypeId::kMap) one["type"] = "map";
    if (!field.doc.empty()) one["description"] = field.doc;
    if (field.type->is_nested()) one["fields"] = FieldsOf(field.type->children);
    out.push_back(std::move(one));
  }
  return out;
}

Json OutputsOf(const LineageSubject& subject, const TableResult& result, const table::TableMetadata& loaded) {
  Json facets;
  facets["schema"] = Facet("SchemaDatasetFacet", "1-2-0", {{"fields", FieldsOf(loaded.schema().fields)}});
  facets["storage"] = Facet("StorageDatasetFacet", "1-0-1", {{"storageLayer", "iceberg"}, {"fileFormat", "parquet"}});
  const auto warehouse = PlaceOf(subject.project.lake.warehouse);
  const std::string within =
      warehouse.first == "file" ? "file:" + warehouse.second : warehouse.first + "/" + warehouse.second;
  facets["symlinks"] =
      Facet("SymlinksDatasetFacet", "1-0-1",
            {{"identifiers", Json::array({{{"namespace", within}, {"name", result.identifier}, {"type", "TABLE"}}})}});
  if (result.snapshot_id) {
    facets["version"] =
        Facet("DatasetVersionDatasetFacet", "1-0-1", {{"datasetVersion", std::to_string(*result.snapshot_id)}});
  }
  Json output = DatasetOf(PlaceOf(loaded.location), std::move(facets));
  output["outputFacets"]["outputStatistics"] =
      Facet("OutputStatisticsOutputDatasetFacet", "1-0-2",
            {{"rowCount", result.rows_written()}, {"size", result.data_bytes}});
  return Json::array({std::move(output)});
}

Json EventOf(const LineageSubject& subject, const char* type, Timestamp time) {
  Json event = {
      {"eventType", type}, {"eventTime", FormatTimestamp(time)}, {"producer", kProducer}, {"schemaURL", kEventSchema}};
  Json& run = event["run"];
  run["runId"] = LineageRunId(subject);
  run["facets"]["processing_engine"] =
      Facet("ProcessingEngineRunFacet", "1-1-1",
            {{"version", FIRN_VERSION}, {"name", "firn"}, {"openlineageAdapterVersion", FIRN_VERSION}});
  run["facets"]["firn"] = {{"_producer", kProducer},
                           {"_schemaURL", "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"},
                           {"runId", subject.run_id},
                           {"environment", subject.project.environment}};
  if (const auto& parent = subject.settings.parent) {
    run["facets"]["parent"] = Facet("ParentRunFacet", "1-2-0",
                                    {{"run", {{"runId", parent->run_id}}},
                                     {"job", {{"namespace", parent->job_namespace}, {"name", parent->job_name}}}});
  }
  event["job"] = {{"namespace", subject.settings.job_namespace},
                  {"name", subject.pipeline.name + "." + subject.table.name}};
  event["job"]["facets"]["jobType"] =
      Facet("JobTypeJobFacet", "2-0-4", {{"processingType", "BATCH"}, {"integration", "FIRN"}, {"jobType", "TABLE"}});
  event["inputs"] = InputsOf(subject);
  event["outputs"] = Json::array();
  return event;
}

std::string LineOf(const Json& event) {
  return ProcessRedactor().Redact(event.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

std::string LineageRunId(const LineageSubject& subject) {
  return NamedUuid("firn run " + subject.run_id + " " + subject.pipeline.name + "." + subject.table.name).ToString();
}

std::string LineageStart(const LineageSubject& subject, Timestamp time) {
  return LineOf(EventOf(subject, "START", time));
}

std::string LineageEnd(const LineageSubject& subject, const TableResult& result, const table::TableMetadata* loaded,
                       Timestamp time) {
  const bool failed = result.state == TableState::kFailed;
  Json event = EventOf(subject, failed ? "FAIL" : result.state == TableState::kCancelled ? "ABORT" : "COMPLETE", time);
  if (failed) {
    const std::string& message = result.error.message();
    event["run"]["facets"]["errorMessage"] =
        Facet("ErrorMessageRunFacet", "1-0-1",
              {{"message", message.substr(0, message.find('\n'))}, {"programmingLanguage", "C++"}});
  }
  if (loaded != nullptr && result.num_commits > 0) event["outputs"] = OutputsOf(subject, result, *loaded);
  return LineOf(event);
}

}  // namespace firn::pipeline
