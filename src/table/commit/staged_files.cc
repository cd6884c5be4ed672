#include "table/commit/staged_files.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/hash.h"

namespace firn::table {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kStagedVersion = 1;

std::string Hex(std::string_view bytes) {
  return HexOf(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

int Nibble(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

Status Malformed(const std::string& what) {
  return MakeError(Fault::kBadData, "malformed staged files: " + what);
}

Result<std::string> Unhex(const Json& json) {
  if (!json.is_string()) return Malformed("hex text");
  const auto& text = json.get_ref<const std::string&>();
  if (text.size() % 2 != 0) return Malformed("odd number of hex digits");
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = Nibble(text[i]);
    const int low = Nibble(text[i + 1]);
    if (high < 0 || low < 0) return Malformed("hex digit");
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

// Field id → value, keys as text because JSON has no others.
template <typename Value, typename Write>
Json MapJson(const std::map<int32_t, Value>& map, Write write) {
  Json json = Json::object();
  for (const auto& [id, value] : map) json[std::to_string(id)] = write(value);
  return json;
}

Json LiteralJson(const Literal& literal) {
  Json json = {{"type", schema::ToString(*literal.type)}};
  json["value"] = literal.is_null() ? Json() : Json(Hex(ToSingleValue(literal)));
  return json;
}

Json VersionJson(const StateVersion& version) {
  return {{"sequence", version.sequence}, {"hash", version.hash}};
}

Json FileJson(const DataFile& file) {
  const auto number = [](int64_t value) { return Json(value); };
  const auto bytes = [](const std::string& value) { return Json(Hex(value)); };
  Json partition = Json::array();
  for (const Literal& literal : file.partition) partition.push_back(LiteralJson(literal));
  Json json = {{"path", file.file_path},
               {"format", static_cast<int>(file.file_format)},
               {"spec_id", file.spec_id},
               {"partition", std::move(partition)},
               {"rows", file.record_count},
               {"bytes", file.file_size_bytes},
               {"column_sizes", MapJson(file.column_sizes, number)},
               {"value_counts", MapJson(file.value_counts, number)},
               {"null_counts", MapJson(file.null_value_counts, number)},
               {"nan_counts", MapJson(file.nan_value_counts, number)},
               {"lower_bounds", MapJson(file.lower_bounds, bytes)},
               {"upper_bounds", MapJson(file.upper_bounds, bytes)},
               {"split_offsets", file.split_offsets}};
  if (file.sort_order_id) json["sort_order_id"] = *file.sort_order_id;
  return json;
}

Json FilesJson(const std::vector<DataFile>& files) {
  Json json = Json::array();
  for (const DataFile& file : files) json.push_back(FileJson(file));
  return json;
}

// Reads members of one object; the first one missing or of another kind is kept as the error.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {}

  const Json* Member(const char* key, Json::value_t kind) {
    const auto found = json_.find(key);
    const bool fits = found != json_.end() &&
                      (found->type() == kind || (found->is_number_integer() && kind == Json::value_t::number_integer));
    if (!fits && status_.ok()) status_ = Malformed(key);
    return fits ? &*found : nullptr;
  }
  template <typename T>
  void Number(const char* key, T& out) {
    if (const Json* json = Member(key, Json::value_t::number_integer)) out = json->get<T>();
  }
  void Text(const char* key, std::string& out) {
    if (const Json* json = Member(key, Json::value_t::string)) out = json->get<std::string>();
  }
  void Texts(const char* key, std::vector<std::string>& out) {
    const Json* json = Member(key, Json::value_t::array);
    if (json == nullptr) return;
    for (const Json& item : *json) {
      if (item.is_string())
        out.push_back(item.get<std::string>());
      else
        Fail(Malformed(key));
    }
  }
  void Version(const char* key, StateVersion& out) {
    const Json* json = Member(key, Json::value_t::object);
    if (json == nullptr) return;
    Reader inner(*json);
    inner.Number("sequence", out.sequence);
    inner.Text("hash", out.hash);
    Fail(inner.status());
  }
  template <typename T>
  void Numbers(const char* key, std::map<int32_t, T>& out) {
    Entries(key, [&](int32_t id, const Json& value) {
      if (!value.is_number_integer()) return Malformed(key);
      out[id] = value.get<T>();
      return Status::OK();
    });
  }
  void Bytes(const char* key, std::map<int32_t, std::string>& out) {
    Entries(key, [&](int32_t id, const Json& value) -> Status {
      ARROW_ASSIGN_OR_RAISE(out[id], Unhex(value));
      return Status::OK();
    });
  }
  void Fail(const Status& status) {
    if (status_.ok()) status_ = status;
  }
  const Status& status() const { return status_; }

 private:
  template <typename Take>
  void Entries(const char* key, Take take) {
    const Json* json = Member(key, Json::value_t::object);
    if (json == nullptr) return;
    for (const auto& [name, value] : json->items()) {
      const Json id = Json::parse(name, nullptr, false);
      Fail(id.is_number_integer() ? take(id.get<int32_t>(), value) : Malformed(key));
    }
  }

  const Json& json_;
  Status status_;
};

Result<Literal> ReadLiteral(const Json& json) {
  if (!json.is_object() || !json.contains("type") || !json.contains("value") || !json["type"].is_string()) {
    return Malformed("partition value");
  }
  ARROW_ASSIGN_OR_RAISE(const auto type, schema::ParsePrimitive(json["type"].get_ref<const std::string&>()));
  if (json["value"].is_null()) return Literal::Null(type);
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, Unhex(json["value"]));
  return FromSingleValue(type, bytes);
}

Result<DataFile> ReadFile(const Json& json) {
  if (!json.is_object()) return Malformed("data file");
  DataFile file;
  Reader reader(json);
  int format = 0;
  reader.Text("path", file.file_path);
  reader.Number("format", format);
  reader.Number("spec_id", file.spec_id);
  reader.Number("rows", file.record_count);
  reader.Number("bytes", file.file_size_bytes);
  reader.Numbers("column_sizes", file.column_sizes);
  reader.Numbers("value_counts", file.value_counts);
  reader.Numbers("null_counts", file.null_value_counts);
  reader.Numbers("nan_counts", file.nan_value_counts);
  reader.Bytes("lower_bounds", file.lower_bounds);
  reader.Bytes("upper_bounds", file.upper_bounds);
  if (const Json* offsets = reader.Member("split_offsets", Json::value_t::array)) {
    for (const Json& offset : *offsets) {
      if (offset.is_number_integer())
        file.split_offsets.push_back(offset.get<int64_t>());
      else
        reader.Fail(Malformed("split_offsets"));
    }
  }
  if (json.contains("sort_order_id")) {
    file.sort_order_id = 0;
    reader.Number("sort_order_id", *file.sort_order_id);
  }
  if (const Json* partition = reader.Member("partition", Json::value_t::array)) {
    for (const Json& value : *partition) {
      ARROW_ASSIGN_OR_RAISE(Literal literal, ReadLiteral(value));
      file.partition.push_back(std::move(literal));
    }
  }
  ARROW_RETURN_NOT_OK(reader.status());
  if (format < 0 || format > static_cast<int>(FileFormat::kPuffin)) return Malformed("format");
  file.file_format = static_cast<FileFormat>(format);
  return file;
}

Status ReadFiles(Reader& reader, const char* key, std::vector<DataFile>& out) {
  const Json* json = reader.Member(key, Json::value_t::array);
  if (json == nullptr) return Status::OK();
  for (const Json& item : *json) {
    ARROW_ASSIGN_OR_RAISE(DataFile file, ReadFile(item));
    out.push_back(std::move(file));
  }
  return Status::OK();
}

void AddPaths(const std::vector<schema::Field>& fields, const std::string& prefix, FieldIds& ids) {
  for (const schema::Field& field : fields) {
    ids[prefix + field.name] = field.id;
    AddPaths(field.type->children, prefix + field.name + ".", ids);
  }
}

}  // namespace

FieldIds FieldIdsOf(const schema::Schema& schema) {
  FieldIds ids;
  AddPaths(schema.fields, "", ids);
  return ids;
}

std::string WriteStagedFiles(const StagedFiles& staged) {
  Json ids = Json::object();
  for (const auto& [path, id] : staged.field_ids) ids[path] = id;
  const Json json = {{"version", kStagedVersion},    {"stream", staged.stream_id},
                     {"epoch", staged.epoch},        {"run", staged.run},
                     {"splits", staged.splits},      {"from", VersionJson(staged.from)},
                     {"to", VersionJson(staged.to)}, {"state", Hex(staged.state)},
                     {"rows", staged.rows},          {"content_hash", staged.content_hash},
                     {"field_ids", std::move(ids)},  {"data_files", FilesJson(staged.data_files)},
                     {"removed", staged.removed},    {"quarantine_files", FilesJson(staged.quarantine_files)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<StagedFiles> ParseStagedFiles(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Malformed("no JSON object");
  Reader reader(json);
  int64_t version = 0;
  reader.Number("version", version);
  if (version > kStagedVersion) {
    return MakeError(Fault::kConfig, "staged files were written by a newer firn", {.next = "upgrade firn"});
  }
  StagedFiles staged;
  reader.Text("stream", staged.stream_id);
  reader.Number("epoch", staged.epoch);
  reader.Text("run", staged.run);
  reader.Texts("splits", staged.splits);
  reader.Version("from", staged.from);
  reader.Version("to", staged.to);
  reader.Number("rows", staged.rows);
  reader.Text("content_hash", staged.content_hash);
  reader.Texts("removed", staged.removed);
  if (const Json* state = reader.Member("state", Json::value_t::string)) {
    ARROW_ASSIGN_OR_RAISE(staged.state, Unhex(*state));
  }
  if (const Json* ids = reader.Member("field_ids", Json::value_t::object)) {
    for (const auto& [path, id] : ids->items()) {
      if (id.is_number_integer())
        staged.field_ids[path] = id.get<int32_t>();
      else
        reader.Fail(Malformed("field_ids"));
    }
  }
  ARROW_RETURN_NOT_OK(ReadFiles(reader, "data_files", staged.data_files));
  ARROW_RETURN_NOT_OK(ReadFiles(reader, "quarantine_files", staged.quarantine_files));
  ARROW_RETURN_NOT_OK(reader.status());
  return staged;
}

Status CheckFieldIds(const FieldIds& written, const schema::Schema& table_schema) {
  const FieldIds now = FieldIdsOf(table_schema);
  for (const auto& [path, id] : written) {
    const auto found = now.find(path);
    if (found != now.end() && found->second == id) continue;
    return MakeError(Fault::kConflict,
                     "files were written for another schema: column " + path + " had field id " + std::to_string(id));
  }
  return Status::OK();
}

}  // namespace firn::table
