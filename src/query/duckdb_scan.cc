#include "query/duckdb_scan.h"

#include <arrow/c/bridge.h>
#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "query/sql_text.h"
#include "schema/arrow_mapping.h"

namespace firn::query {
namespace {

constexpr int64_t kVectorRows = 2048;  // DuckDB's STANDARD_VECTOR_SIZE

using schema::TypeId;

duckdb_logical_type LogicalType(const DuckdbLibrary& duckdb, const schema::Type& type);

duckdb_logical_type StructType(const DuckdbLibrary& duckdb, const schema::Type& type) {
  std::vector<duckdb_logical_type> types;
  std::vector<const char*> names;
  for (const auto& child : type.children) {
    types.push_back(LogicalType(duckdb, *child.type));
    names.push_back(child.name.c_str());
  }
  duckdb_logical_type made = duckdb.create_struct_type(types.data(), names.data(), types.size());
  for (auto& child : types) duckdb.destroy_logical_type(&child);
  return made;
}

duckdb_type PrimitiveType(TypeId id) {
  switch (id) {
    case TypeId::kBoolean:
      return DUCKDB_TYPE_BOOLEAN;
    case TypeId::kInt:
      return DUCKDB_TYPE_INTEGER;
    case TypeId::kLong:
      return DUCKDB_TYPE_BIGINT;
    case TypeId::kFloat:
      return DUCKDB_TYPE_FLOAT;
    case TypeId::kDouble:
      return DUCKDB_TYPE_DOUBLE;
    case TypeId::kDate:
      return DUCKDB_TYPE_DATE;
    case TypeId::kTime:
      return DUCKDB_TYPE_TIME;
    case TypeId::kTimestamp:
      return DUCKDB_TYPE_TIMESTAMP;
    case TypeId::kTimestampTz:
      return DUCKDB_TYPE_TIMESTAMP_TZ;
    case TypeId::kTimestampNs:
    case TypeId::kTimestampTzNs:
      return DUCKDB_TYPE_TIMESTAMP_NS;
    case TypeId::kUnknown:
    case TypeId::kVariant:
      return DUCKDB_TYPE_INTEGER;
    case TypeId::kString:
      return DUCKDB_TYPE_VARCHAR;
    case TypeId::kUuid:
      return DUCKDB_TYPE_UUID;
    default:
      return DUCKDB_TYPE_BLOB;
  }
}

duckdb_logical_type LogicalType(const DuckdbLibrary& duckdb, const schema::Type& type) {
  if (type.id == TypeId::kStruct) return StructType(duckdb, type);
  if (type.id == TypeId::kDecimal) {
    return duckdb.create_decimal_type(static_cast<uint8_t>(type.precision), static_cast<uint8_t>(type.scale));
  }
  if (!type.is_nested()) return duckdb.create_logical_type(PrimitiveType(type.id));
  duckdb_logical_type first = LogicalType(duckdb, *type.children[0].type);
  duckdb_logical_type second = type.id == TypeId::kMap ? LogicalType(duckdb, *type.children[1].type) : nullptr;
  duckdb_logical_type made = second == nullptr ? duckdb.create_list_type(first) : duckdb.create_map_type(first, second);
  duckdb.destroy_logical_type(&first);
  if (second != nullptr) duckdb.destroy_logical_type(&second);
  return made;
}

// The Arrow field as DuckDB must see it: uuids carry the extension name it knows, ids are left out.
std::shared_ptr<arrow::Field> ExportedField(const schema::Field& field);

std::shared_ptr<arrow::DataType> ExportedType(const schema::Type& type) {
  switch (type.id) {
    case TypeId::kStruct: {
      arrow::FieldVector fields;
      for (const auto& child : type.children) fields.push_back(ExportedField(child));
      return arrow::struct_(fields);
    }
    case TypeId::kList:
      return arrow::list(ExportedField(type.children[0]));
    case TypeId::kMap:
      return std::make_shared<arrow::MapType>(ExportedField(type.children[0])->WithNullable(false),
                                              ExportedField(type.children[1]));
    case TypeId::kTimestampTzNs:
      return arrow::timestamp(arrow::TimeUnit::NANO);
    case TypeId::kUnknown:
    case TypeId::kVariant:
      return arrow::int32();
    default:
      return schema::ToArrowType(type);
  }
}

std::shared_ptr<arrow::Field> ExportedField(const schema::Field& field) {
  auto made = arrow::field(field.name, ExportedType(*field.type));
  if (field.type->id != TypeId::kUuid) return made;
  return made->WithMetadata(
      arrow::key_value_metadata({"ARROW:extension:name", "ARROW:extension:metadata"}, {"arrow.uuid", ""}));
}

struct BindData {
  ScanRegistry* registry;
  const ArrowScan* scan;
};

// Shared by the threads of one execution.
struct GlobalState {
  ScanRegistry* registry = nullptr;
  const ArrowScan* scan = nullptr;
  std::vector<int> columns;             // of the schema, that are read
  std::vector<idx_t> column_positions;  // where each of them goes in the output
  std::vector<idx_t> row_positions;     // where the row column goes, if it is wanted
  duckdb_arrow_converted_schema converted = nullptr;
  Mutex mutex;
  int64_t next_part FIRN_GUARDED_BY(mutex) = 0;

  ~GlobalState() {
    if (converted != nullptr) registry->duckdb().destroy_arrow_converted_schema(&converted);
  }
  std::optional<int64_t> TakePart() {
    const MutexLock lock(mutex);
    if (next_part >= scan->num_parts) return std::nullopt;
    return next_part++;
  }
};

// Of one thread.
struct LocalState {
  std::unique_ptr<arrow::RecordBatchReader> reader;
  std::shared_ptr<arrow::RecordBatch> batch;
  int64_t offset = 0;
};

Status ErrorOf(const DuckdbLibrary& duckdb, duckdb_error_data error) {
  Status status;
  if (error != nullptr && duckdb.error_data_has_error(error)) {
    status =
        MakeError(Fault::kBug, std::string("rows cannot be handed to DuckDB: ") + duckdb.error_data_message(error));
  }
  if (error != nullptr) duckdb.destroy_error_data(&error);
  return status;
}

// Brings the thread to a batch with rows left, or to the end (no batch).
Status Advance(GlobalState& global, LocalState& local) {
  while (!local.batch || local.offset >= local.batch->num_rows()) {
    local.batch = nullptr;
    local.offset = 0;
    if (!local.reader) {
      const auto part = global.TakePart();
      if (!part) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(local.reader, global.scan->open(*part, global.columns));
    }
    ARROW_RETURN_NOT_OK(local.reader->ReadNext(&local.batch));
    if (!local.batch) local.reader = nullptr;
  }
  return Status::OK();
}

Status Fill(GlobalState& global, LocalState& local, duckdb_data_chunk output) {
  const DuckdbLibrary& duckdb = global.registry->duckdb();
  duckdb.data_chunk_set_size(output, 0);
  ARROW_RETURN_NOT_OK(Advance(global, local));
  if (!local.batch) return Status::OK();
  const int64_t rows = std::min(kVectorRows, local.batch->num_rows() - local.offset);
  const auto slice = local.batch->Slice(local.offset, rows);
  local.offset += rows;
  if (!global.columns.empty()) {
    ArrowArray array{};
    ARROW_RETURN_NOT_OK(arrow::ExportRecordBatch(*slice, &array));
    duckdb_data_chunk chunk = nullptr;
    Status status =
        ErrorOf(duckdb, duckdb.data_chunk_from_arrow(global.registry->connection(), &array, global.converted, &chunk));
    if (array.release != nullptr) array.release(&array);
    ARROW_RETURN_NOT_OK(status);
    for (size_t i = 0; i < global.columns.size(); ++i) {
      duckdb.vector_reference_vector(duckdb.data_chunk_get_vector(output, global.column_positions[i]),
                                     duckdb.data_chunk_get_vector(chunk, i));
    }
    duckdb.destroy_data_chunk(&chunk);
  }
  for (const idx_t position : global.row_positions) {
    std::memset(duckdb.vector_get_data(duckdb.data_chunk_get_vector(output, position)), 0, static_cast<size_t>(rows));
  }
  duckdb.data_chunk_set_size(output, static_cast<idx_t>(rows));
  return Status::OK();
}

Status MakeConverted(GlobalState& global) {
  arrow::FieldVector fields;
  for (const int column : global.columns) {
    fields.push_back(ExportedField(global.scan->schema.fields[static_cast<size_t>(column)]));
  }
  ArrowSchema exported{};
  ARROW_RETURN_NOT_OK(arrow::ExportSchema(arrow::Schema(std::move(fields)), &exported));
  const DuckdbLibrary& duckdb = global.registry->duckdb();
  Status status =
      ErrorOf(duckdb, duckdb.schema_from_arrow(global.registry->connection(), &exported, &global.converted));
  if (exported.release != nullptr) exported.release(&exported);
  return status;
}

// The library's callbacks carry no user pointer of ours but the registry; these four find the rest from it.
const DuckdbLibrary& Library() {
  return **LoadDuckdb();
}

void Bind(duckdb_bind_info info) {
  const DuckdbLibrary& duckdb = Library();
  auto* registry = static_cast<ScanRegistry*>(duckdb.bind_get_extra_info(info));
  duckdb_value parameter = duckdb.bind_get_parameter(info, 0);
  const ArrowScan* scan = registry->Find(duckdb.get_int64(parameter));
  duckdb.destroy_value(&parameter);
  if (scan == nullptr) return duckdb.bind_set_error(info, "firn_scan is used by firn itself; name a table instead");
  // DuckDB reads the first column where it needs none (count(*)): one that costs nothing.
  duckdb_logical_type row_type = duckdb.create_logical_type(DUCKDB_TYPE_TINYINT);
  duckdb.bind_add_result_column(info, RowColumnName(scan->schema).c_str(), row_type);
  duckdb.destroy_logical_type(&row_type);
  for (const auto& field : scan->schema.fields) {
    duckdb_logical_type type = LogicalType(duckdb, *field.type);
    duckdb.bind_add_result_column(info, field.name.c_str(), type);
    duckdb.destroy_logical_type(&type);
  }
  duckdb.bind_set_cardinality(info, static_cast<idx_t>(scan->num_rows), scan->exact);
  duckdb.bind_set_bind_data(info, new BindData{registry, scan},
                            [](void* data) { delete static_cast<BindData*>(data); });
}

void Init(duckdb_init_info info) {
  const DuckdbLibrary& duckdb = Library();
  const auto* bound = static_cast<const BindData*>(duckdb.init_get_bind_data(info));
  auto global = std::make_unique<GlobalState>();
  global->registry = bound->registry;
  global->scan = bound->scan;
  for (idx_t i = 0; i < duckdb.init_get_column_count(info); ++i) {
    const idx_t index = duckdb.init_get_column_index(info, i);  // 0: the row column; beyond the schema: DuckDB's row id
    if (index == 0) global->row_positions.push_back(i);
    if (index == 0 || index > bound->scan->schema.fields.size()) continue;
    global->columns.push_back(static_cast<int>(index) - 1);
    global->column_positions.push_back(i);
  }
  if (Status status = MakeConverted(*global); !status.ok()) {
    bound->registry->Fail(status);
    return duckdb.init_set_error(info, status.message().c_str());
  }
  duckdb.init_set_max_threads(info, static_cast<idx_t>(std::clamp<int64_t>(bound->scan->num_parts, 1, 64)));
  duckdb.init_set_init_data(info, global.release(), [](void* data) { delete static_cast<GlobalState*>(data); });
}

void InitLocal(duckdb_init_info info) {
  Library().init_set_init_data(info, new LocalState(), [](void* data) { delete static_cast<LocalState*>(data); });
}

void Scan(duckdb_function_info info, duckdb_data_chunk output) {
  const DuckdbLibrary& duckdb = Library();
  auto* global = static_cast<GlobalState*>(duckdb.function_get_init_data(info));
  auto* local = static_cast<LocalState*>(duckdb.function_get_local_init_data(info));
  if (Status status = Fill(*global, *local, output); !status.ok()) {
    global->registry->Fail(status);
    duckdb.function_set_error(info, status.message().c_str());
  }
}

}  // namespace

Status ScanRegistry::Register(duckdb_connection connection) {
  connection_ = connection;
  duckdb_table_function function = duckdb_.create_table_function();
  duckdb_.table_function_set_name(function, "firn_scan");
  duckdb_logical_type id = duckdb_.create_logical_type(DUCKDB_TYPE_BIGINT);
  duckdb_.table_function_add_parameter(function, id);
  duckdb_.destroy_logical_type(&id);
  duckdb_.table_function_set_extra_info(function, this, nullptr);
  duckdb_.table_function_set_bind(function, Bind);
  duckdb_.table_function_set_init(function, Init);
  duckdb_.table_function_set_local_init(function, InitLocal);
  duckdb_.table_function_set_function(function, Scan);
  duckdb_.table_function_supports_projection_pushdown(function, true);
  const duckdb_state state = duckdb_.register_table_function(connection, function);
  duckdb_.destroy_table_function(&function);
  if (state != DuckDBSuccess) return MakeError(Fault::kBug, "firn_scan cannot be registered");
  return Status::OK();
}

int64_t ScanRegistry::Add(ArrowScan scan) {
  const MutexLock lock(mutex_);
  scans_.push_back(std::make_unique<ArrowScan>(std::move(scan)));
  return static_cast<int64_t>(scans_.size()) - 1;
}

const ArrowScan* ScanRegistry::Find(int64_t id) const {
  const MutexLock lock(mutex_);
  if (id < 0 || id >= static_cast<int64_t>(scans_.size())) return nullptr;
  return scans_[static_cast<size_t>(id)].get();
}

void ScanRegistry::Fail(const Status& status) {
  const MutexLock lock(mutex_);
  if (failure_.ok()) failure_ = status;
}

Status ScanRegistry::TakeFailure() {
  const MutexLock lock(mutex_);
  return std::exchange(failure_, Status::OK());
}

}  // namespace firn::query
