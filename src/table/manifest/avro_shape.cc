#include "table/manifest/avro_shape.h"

#include <cctype>
#include <set>
#include <utility>

#include "table/metadata/json_writer.h"

namespace firn::table {
namespace {

using schema::Field;
using schema::Type;
using schema::TypeId;

Field Required(int32_t id, const char* name, schema::TypePtr type) {
  return {.id = id, .name = name, .type = std::move(type), .required = true};
}

Field Optional(int32_t id, const char* name, schema::TypePtr type) {
  return {.id = id, .name = name, .type = std::move(type), .required = false};
}

Field CountsMap(int32_t id, const char* name, int32_t key_id, schema::TypePtr value) {
  return Optional(id, name, schema::Map(Required(key_id, "key", schema::Int()), Required(key_id + 1, "value", value)));
}

// Avro names are [A-Za-z_][A-Za-z0-9_]*. Other characters become _x<HEX>, a leading digit gets "_" before it.
std::string AvroName(std::string_view name) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalpha(byte) || c == '_' || (std::isdigit(byte) && !out.empty()))) {
      out += c;
    } else if (byte < 0x80 && std::isdigit(byte)) {
      out += '_';
      out += c;
    } else {
      out += "_x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out.empty() ? "_" : out;
}

class SchemaWriter {
 public:
  Status Record(std::string_view name, const std::vector<Field>& fields) {
    out_.BeginObject().Key("type").String("record").Key("name").String(name).Key("fields").BeginArray();
    std::set<std::string> names;
    for (const Field& field : fields) {
      std::string avro_name = AvroName(field.name);
      if (!names.insert(avro_name).second) avro_name += "_" + std::to_string(field.id);
      out_.BeginObject().Key("name").String(avro_name).Key("type");
      ARROW_RETURN_NOT_OK(FieldType(field));
      if (!field.required) out_.Key("default").Null();
      out_.Key("field-id").Int(field.id);
      if (avro_name != field.name) out_.Key("iceberg-field-name").String(field.name);
      out_.EndObject();
    }
    out_.EndArray().EndObject();
    return Status::OK();
  }

  std::string Take() { return out_.Take(); }

 private:
  Status FieldType(const Field& field) {
    if (field.required) return TypeOf(field);
    out_.BeginArray().String("null");
    ARROW_RETURN_NOT_OK(TypeOf(field));
    out_.EndArray();
    return Status::OK();
  }

  Status TypeOf(const Field& field) {
    const Type& type = *field.type;
    switch (type.id) {
      case TypeId::kStruct:
        return Record("r" + std::to_string(field.id), type.children);
      case TypeId::kList:
        return List(type);
      case TypeId::kMap:
        return Map(type);
      case TypeId::kBinary:
        out_.String("bytes");
        break;
      case TypeId::kDate:
        Logical("int", "date");
        break;
      case TypeId::kTime:
        Logical("long", "time-micros");
        break;
      case TypeId::kTimestamp:
        Timestamp("timestamp-micros", false);
        break;
      case TypeId::kTimestampTz:
        Timestamp("timestamp-micros", true);
        break;
      case TypeId::kTimestampNs:
        Timestamp("timestamp-nanos", false);
        break;
      case TypeId::kTimestampTzNs:
        Timestamp("timestamp-nanos", true);
        break;
      case TypeId::kUuid:
        Fixed("uuid_fixed", 16, field.id, [this] { out_.Key("logicalType").String("uuid"); });
        break;
      case TypeId::kFixed:
        Fixed("fixed_" + std::to_string(type.length), type.length, field.id, [] {});
        break;
      case TypeId::kDecimal:
        Decimal(field);
        break;
      default:
        out_.String(schema::ToString(type));  // boolean int long float double string: the same names
    }
    return Status::OK();
  }

  void Logical(const char* base, const char* logical) {
    out_.BeginObject().Key("type").String(base).Key("logicalType").String(logical).EndObject();
  }

  void Timestamp(const char* logical, bool adjust_to_utc) {
    out_.BeginObject().Key("type").String("long").Key("logicalType").String(logical);
    out_.Key("adjust-to-utc").Bool(adjust_to_utc).EndObject();
  }

  // A named type may be defined once per schema; a second one gets the field id into its name rather than a reference,
  // which some readers do not resolve.
  template <typename Attributes>
  void Fixed(std::string name, int32_t size, int32_t field_id, Attributes attributes) {
    if (!fixed_names_.insert(name).second) name += "_" + std::to_string(field_id);
    out_.BeginObject().Key("type").String("fixed").Key("name").String(name).Key("size").Int(size);
    attributes();
    out_.EndObject();
  }

  void Decimal(const Field& field) {
    const Type& type = *field.type;
    const std::string name = "decimal_" + std::to_string(type.precision) + "_" + std::to_string(type.scale);
    Fixed(name, DecimalFixedBytes(type.precision), field.id, [&] {
      out_.Key("logicalType").String("decimal");
      out_.Key("precision").Int(type.precision).Key("scale").Int(type.scale);
    });
  }

  Status List(const Type& type) {
    out_.BeginObject().Key("type").String("array").Key("items");
    ARROW_RETURN_NOT_OK(FieldType(type.children[0]));
    out_.Key("element-id").Int(type.children[0].id).EndObject();
    return Status::OK();
  }

  Status Map(const Type& type) {
    const Field &key = type.children[0], &value = type.children[1];
    if (key.type->id != TypeId::kInt) return MakeError(Fault::kBug, "manifest: map key is not int");
    out_.BeginObject().Key("type").String("array").Key("items");
    ARROW_RETURN_NOT_OK(Record("k" + std::to_string(key.id) + "_v" + std::to_string(value.id), {key, value}));
    out_.Key("logicalType").String("map").EndObject();
    return Status::OK();
  }

  JsonWriter out_;
  std::set<std::string> fixed_names_;
};

}  // namespace

Result<std::string> AvroSchemaJson(std::string_view record_name, const std::vector<schema::Field>& fields) {
  SchemaWriter writer;
  ARROW_RETURN_NOT_OK(writer.Record(record_name, fields));
  return writer.Take();
}

std::vector<schema::Field> ManifestFileFields(int32_t format_version) {
  using namespace schema;
  const TypePtr summary = Struct({Required(509, "contains_null", Boolean()), Optional(518, "contains_nan", Boolean()),
                                  Optional(510, "lower_bound", Binary()), Optional(511, "upper_bound", Binary())});
  // Required as they stand: readers that generate code from the schema break on unions (duckdb-iceberg#504,
  // ClickHouse#92078).
  std::vector<Field> fields = {Required(500, "manifest_path", String()),
                               Required(501, "manifest_length", Long()),
                               Required(502, "partition_spec_id", Int()),
                               Required(517, "content", Int()),
                               Required(515, "sequence_number", Long()),
                               Required(516, "min_sequence_number", Long()),
                               Required(503, "added_snapshot_id", Long()),
                               Required(504, "added_files_count", Int()),
                               Required(505, "existing_files_count", Int()),
                               Required(506, "deleted_files_count", Int()),
                               Required(512, "added_rows_count", Long()),
                               Required(513, "existing_rows_count", Long()),
                               Required(514, "deleted_rows_count", Long()),
                               Optional(507, "partitions", List(Required(508, "element", summary))),
                               Optional(519, "key_metadata", Binary())};
  if (format_version >= 3) fields.push_back(Optional(520, "first_row_id", Long()));
  return fields;
}

std::vector<schema::Field> ManifestEntryFields(std::vector<schema::Field> partition, int32_t format_version) {
  using namespace schema;
  std::vector<Field> file = {Required(134, "content", Int()),
                             Required(100, "file_path", String()),
                             Required(101, "file_format", String()),
                             Required(102, "partition", Struct(std::move(partition))),
                             Required(103, "record_count", Long()),
                             Required(104, "file_size_in_bytes", Long()),
                             CountsMap(108, "column_sizes", 117, Long()),
                             CountsMap(109, "value_counts", 119, Long()),
                             CountsMap(110, "null_value_counts", 121, Long()),
                             CountsMap(137, "nan_value_counts", 138, Long()),
                             CountsMap(125, "lower_bounds", 126, Binary()),
                             CountsMap(128, "upper_bounds", 129, Binary()),
                             Optional(131, "key_metadata", Binary()),
                             Optional(132, "split_offsets", List(Required(133, "element", Long()))),
                             Optional(135, "equality_ids", List(Required(136, "element", Int()))),
                             Optional(140, "sort_order_id", Int())};
  if (format_version >= 3) file.push_back(Optional(142, "first_row_id", Long()));
  file.push_back(Optional(143, "referenced_data_file", String()));
  if (format_version >= 3) {
    file.push_back(Optional(144, "content_offset", Long()));
    file.push_back(Optional(145, "content_size_in_bytes", Long()));
  }
  return {Required(0, "status", Int()), Optional(1, "snapshot_id", Long()), Optional(3, "sequence_number", Long()),
          Optional(4, "file_sequence_number", Long()), Required(2, "data_file", Struct(std::move(file)))};
}

int32_t DecimalFixedBytes(int32_t precision) {
  // The largest unscaled value is 10^precision - 1; n bytes hold up to 2^(8n-1) - 1.
  unsigned __int128 largest = 1;
  for (int32_t i = 0; i < precision; ++i) largest *= 10;
  largest -= 1;
  int32_t bytes = 1;
  while (bytes < 16 && (largest >> (8 * bytes - 1)) != 0) ++bytes;
  return bytes;
}

}  // namespace firn::table
