#include "table/scan/projection.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/compute/cast.h>
#include <arrow/extension_type.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/bitmap_ops.h>
#include <arrow/util/key_value_metadata.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "schema/arrow_mapping.h"
#include "table/metadata/default_value.h"
#include "table/metadata/literal_array.h"

namespace firn::table {

namespace {

using schema::TypeId;
using ArrayPtr = std::shared_ptr<arrow::Array>;

constexpr int kNestingMax = 128;

const arrow::DataType& Plain(const arrow::DataType& type) {
  if (type.id() == arrow::Type::EXTENSION) {
    return Plain(*static_cast<const arrow::ExtensionType&>(type).storage_type());
  }
  if (type.id() == arrow::Type::DICTIONARY) {
    return Plain(*static_cast<const arrow::DictionaryType&>(type).value_type());
  }
  return type;
}

bool DecimalFits(const arrow::DataType& from, const schema::Type& to) {
  if (!arrow::is_decimal(from.id())) return false;
  const auto& decimal = static_cast<const arrow::DecimalType&>(from);
  return decimal.scale() == to.scale && decimal.precision() <= to.precision;
}

bool IsSmallInteger(arrow::Type::type id) {
  return id == arrow::Type::INT8 || id == arrow::Type::INT16 || id == arrow::Type::INT32 || id == arrow::Type::UINT8 ||
         id == arrow::Type::UINT16;
}

/// True if every value of the Arrow type `given` is a value of the primitive type `to`: the same type in another Arrow
/// dress, or an Iceberg promotion. Timestamps of finer unit pass here and are checked value by value.
bool CanBecome(const arrow::DataType& given, const schema::Type& to) {
  const arrow::DataType& from = Plain(given);
  const auto id = from.id();
  const bool has_zone =
      id == arrow::Type::TIMESTAMP && !static_cast<const arrow::TimestampType&>(from).timezone().empty();
  switch (to.id) {
    case TypeId::kBoolean:
      return id == arrow::Type::BOOL;
    case TypeId::kInt:
      return IsSmallInteger(id);
    case TypeId::kLong:
      return IsSmallInteger(id) || id == arrow::Type::UINT32 || id == arrow::Type::INT64;
    case TypeId::kFloat:
      return id == arrow::Type::FLOAT;
    case TypeId::kDouble:
      return id == arrow::Type::FLOAT || id == arrow::Type::DOUBLE;
    case TypeId::kDecimal:
      return DecimalFits(from, to);
    case TypeId::kDate:
      return id == arrow::Type::DATE32;
    case TypeId::kTime:
      return id == arrow::Type::TIME32 || id == arrow::Type::TIME64;
    case TypeId::kTimestamp:
    case TypeId::kTimestampNs:
      return (id == arrow::Type::TIMESTAMP && !has_zone) || id == arrow::Type::DATE32;
    case TypeId::kTimestampTz:
    case TypeId::kTimestampTzNs:
      return has_zone;
    case TypeId::kString:
      return id == arrow::Type::STRING || id == arrow::Type::LARGE_STRING || id == arrow::Type::STRING_VIEW;
    case TypeId::kBinary:
      return id == arrow::Type::BINARY || id == arrow::Type::LARGE_BINARY || id == arrow::Type::BINARY_VIEW;
    case TypeId::kUuid:
    case TypeId::kFixed:
      return id == arrow::Type::FIXED_SIZE_BINARY &&
             static_cast<const arrow::FixedSizeBinaryType&>(from).byte_width() ==
                 (to.id == TypeId::kUuid ? 16 : to.length);
    default:
      return false;
  }
}

}  // namespace

/// How one target field comes out of its source.
struct Projection::Node {
  enum class Kind { kMissing, kTake, kCast, kStruct, kList, kMap };
  Kind kind = Kind::kMissing;
  int source_index = -1;  // among the children of the source's parent
  bool required = false;
  std::string name;
  std::shared_ptr<arrow::DataType> type;
  std::shared_ptr<arrow::Scalar> fallback;  // kMissing: the default; null: none
  std::vector<Node> children;               // kStruct: target order; kList: element; kMap: key, value
};

namespace {

using Node = Projection::Node;

struct Builder {
  Projection::Extra extra;

  Result<std::vector<Node>> Fields(const arrow::FieldVector& source, const std::vector<schema::Field>& target,
                                   const std::string& place, int depth) const;
  Result<Node> Field(const arrow::DataType& source, const schema::Field& target, const std::string& place,
                     int depth) const;
  Result<std::shared_ptr<arrow::Scalar>> Fallback(const schema::Field& field) const;
};

// What rows without the column have; null: null.
Result<std::shared_ptr<arrow::Scalar>> Builder::Fallback(const schema::Field& field) const {
  const std::string& text = extra == Projection::Extra::kRefuse ? field.write_default : field.initial_default;
  if (text.empty()) return std::shared_ptr<arrow::Scalar>();
  const auto value = ParseDefault(field.type, text);
  if (!value.ok()) return Within("default of column " + field.name, value.status());
  if (value->is_null()) return std::shared_ptr<arrow::Scalar>();
  return ScalarOf(*value);
}

Result<std::vector<Node>> Builder::Fields(const arrow::FieldVector& source, const std::vector<schema::Field>& target,
                                          const std::string& place, int depth) const {
  std::unordered_map<int32_t, int> by_id;
  for (size_t i = 0; i < source.size(); ++i) {
    const int32_t id = FieldIdOf(*source[i]);
    if (source[i]->type()->id() == arrow::Type::NA && extra == Projection::Extra::kRefuse) continue;
    if (id == 0 && extra == Projection::Extra::kRefuse) {
      return MakeError(Fault::kBug, "column has no field id: " + place + source[i]->name());
    }
    if (id != 0 && !by_id.emplace(id, static_cast<int>(i)).second) {
      return MakeError(Fault::kBadData, "field id occurs twice: " + std::to_string(id));
    }
  }
  std::vector<Node> nodes;
  for (const schema::Field& field : target) {
    const auto found = by_id.find(field.id);
    if (found == by_id.end()) {
      ARROW_ASSIGN_OR_RAISE(auto fallback, Fallback(field));
      if (field.required && fallback == nullptr)
        return MakeError(Fault::kBadData, "required column has no values: " + place + field.name);
      nodes.push_back({.name = field.name, .type = schema::ToArrowType(*field.type), .fallback = std::move(fallback)});
      continue;
    }
    const arrow::DataType& type = *source[static_cast<size_t>(found->second)]->type();
    ARROW_ASSIGN_OR_RAISE(Node node, Field(type, field, place + field.name, depth));
    node.source_index = found->second;
    nodes.push_back(std::move(node));
    by_id.erase(found);
  }
  if (extra == Projection::Extra::kRefuse && !by_id.empty()) {
    return MakeError(Fault::kBug, "column is not in the schema: " + place +
                                      source[static_cast<size_t>(by_id.begin()->second)]->name());
  }
  return nodes;
}

Result<Node> Builder::Field(const arrow::DataType& source, const schema::Field& target, const std::string& place,
                            int depth) const {
  if (depth > kNestingMax) return MakeError(Fault::kBadData, "columns nest too deep: " + place);
  Node node{.required = target.required, .name = target.name, .type = schema::ToArrowType(*target.type)};
  if (source.id() == arrow::Type::NA && !target.required) return node;  // only nulls
  if (target.type->id == TypeId::kVariant) {
    return MakeError(Fault::kConfig,
                     "column " + place + " has the type variant, whose values are not read by this build",
                     {.next = "leave the column out of the query"});
  }
  const auto& children = target.type->children;
  const std::string below = place + ".";
  if (target.type->id == TypeId::kStruct && source.id() == arrow::Type::STRUCT) {
    node.kind = Node::Kind::kStruct;
    ARROW_ASSIGN_OR_RAISE(node.children, Fields(source.fields(), children, below, depth + 1));
  } else if (target.type->id == TypeId::kList && arrow::is_list_like(source.id()) && source.id() != arrow::Type::MAP) {
    node.kind = Node::Kind::kList;
    ARROW_ASSIGN_OR_RAISE(node.children, Fields(source.fields(), children, below, depth + 1));
  } else if (target.type->id == TypeId::kMap && source.id() == arrow::Type::MAP) {
    node.kind = Node::Kind::kMap;
    ARROW_ASSIGN_OR_RAISE(node.children, Fields(source.field(0)->type()->fields(), children, below, depth + 1));
  } else if (!target.type->is_nested() && CanBecome(source, *target.type)) {
    node.kind = source.Equals(*node.type) ? Node::Kind::kTake : Node::Kind::kCast;
  } else {
    return MakeError(Fault::kBadData, "column " + place + " of type " + source.ToString() + " cannot become " +
                                          schema::ToString(*target.type));
  }
  return node;
}

/// Validity of the array's slots, at bit offset 0; null if all are valid.
Result<std::shared_ptr<arrow::Buffer>> ValidityOf(const arrow::Array& array, arrow::MemoryPool* pool) {
  if (array.null_count() == 0) return std::shared_ptr<arrow::Buffer>();
  if (array.offset() == 0) return array.null_bitmap();
  return arrow::internal::CopyBitmap(pool, array.null_bitmap_data(), array.offset(), array.length());
}

Status CheckRequired(const Node& node, const arrow::Array& values, const arrow::Array* parent) {
  if (!node.required || values.null_count() == 0) return Status::OK();
  for (int64_t row = 0; row < values.length(); ++row) {
    if (values.IsNull(row) && (parent == nullptr || parent->IsValid(row))) {
      return MakeError(Fault::kBadData, "null in required column " + node.name + ", row " + std::to_string(row));
    }
  }
  return Status::OK();
}

Result<ArrayPtr> ApplyNode(const Node& node, ArrayPtr source, int64_t length, arrow::MemoryPool* pool);

Result<ArrayPtr> ApplyStruct(const Node& node, const arrow::StructArray& source, arrow::MemoryPool* pool) {
  std::vector<std::shared_ptr<arrow::ArrayData>> children;
  for (const Node& child : node.children) {
    ArrayPtr values = child.source_index < 0 ? nullptr : source.field(child.source_index);
    ARROW_ASSIGN_OR_RAISE(values, ApplyNode(child, std::move(values), source.length(), pool));
    ARROW_RETURN_NOT_OK(CheckRequired(child, *values, &source));
    children.push_back(values->data());
  }
  ARROW_ASSIGN_OR_RAISE(auto validity, ValidityOf(source, pool));
  return arrow::MakeArray(arrow::ArrayData::Make(node.type, source.length(), {std::move(validity)}, std::move(children),
                                                 source.null_count()));
}

/// Offsets that start at 0, of 32 bits.
template <typename Offset>
Result<std::shared_ptr<arrow::Buffer>> RebasedOffsets(const Offset* offsets, int64_t length, arrow::MemoryPool* pool) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> out, arrow::AllocateBuffer((length + 1) * 4, pool));
  auto* to = reinterpret_cast<int32_t*>(out->mutable_data());
  for (int64_t i = 0; i <= length; ++i) to[i] = static_cast<int32_t>(offsets[i] - offsets[0]);
  return out;
}

Result<ArrayPtr> ApplyList(const Node& node, const ArrayPtr& given, arrow::MemoryPool* pool) {
  ArrayPtr source = given;
  if (source->type_id() != arrow::Type::LIST) {  // large and fixed-size lists of foreign files
    const auto list_type = arrow::list(source->type()->field(0));
    ARROW_ASSIGN_OR_RAISE(source, arrow::compute::Cast(*source, list_type));
  }
  const auto& list = static_cast<const arrow::ListArray&>(*source);
  const int64_t length = list.length();
  const int32_t begin = length == 0 ? 0 : list.value_offset(0);
  const int32_t end = length == 0 ? 0 : list.value_offset(length);
  ARROW_ASSIGN_OR_RAISE(ArrayPtr values,
                        ApplyNode(node.children[0], list.values()->Slice(begin, end - begin), end - begin, pool));
  ARROW_RETURN_NOT_OK(CheckRequired(node.children[0], *values, nullptr));
  static const int32_t kZero = 0;
  ARROW_ASSIGN_OR_RAISE(auto offsets, RebasedOffsets(length == 0 ? &kZero : list.raw_value_offsets(), length, pool));
  ARROW_ASSIGN_OR_RAISE(auto validity, ValidityOf(list, pool));
  return arrow::MakeArray(arrow::ArrayData::Make(node.type, length, {std::move(validity), std::move(offsets)},
                                                 {values->data()}, list.null_count()));
}

Result<ArrayPtr> ApplyMap(const Node& node, const arrow::MapArray& map, arrow::MemoryPool* pool) {
  const int64_t length = map.length();
  const int32_t begin = length == 0 ? 0 : map.value_offset(0);
  const int32_t end = length == 0 ? 0 : map.value_offset(length);
  const ArrayPtr sources[] = {map.keys(), map.items()};
  std::vector<std::shared_ptr<arrow::ArrayData>> columns;
  for (const Node& child : node.children) {
    ArrayPtr values;
    if (child.source_index >= 0) values = sources[child.source_index]->Slice(begin, end - begin);
    ARROW_ASSIGN_OR_RAISE(values, ApplyNode(child, std::move(values), end - begin, pool));
    ARROW_RETURN_NOT_OK(CheckRequired(child, *values, nullptr));
    columns.push_back(values->data());
  }
  const auto& type = static_cast<const arrow::MapType&>(*node.type);
  auto entries = arrow::ArrayData::Make(type.value_type(), end - begin, {nullptr}, std::move(columns), 0);
  static const int32_t kZero = 0;
  ARROW_ASSIGN_OR_RAISE(auto offsets, RebasedOffsets(length == 0 ? &kZero : map.raw_value_offsets(), length, pool));
  ARROW_ASSIGN_OR_RAISE(auto validity, ValidityOf(map, pool));
  return arrow::MakeArray(arrow::ArrayData::Make(node.type, length, {std::move(validity), std::move(offsets)},
                                                 {std::move(entries)}, map.null_count()));
}

Result<ArrayPtr> CastExactly(const Node& node, ArrayPtr source, arrow::MemoryPool* pool) {
  if (source->type_id() == arrow::Type::EXTENSION)
    source = static_cast<const arrow::ExtensionArray&>(*source).storage();
  if (source->type()->Equals(*node.type)) return source;
  arrow::compute::ExecContext context(pool);
  auto cast = arrow::compute::Cast(*source, node.type, arrow::compute::CastOptions::Safe(), &context);
  if (cast.ok()) return cast;
  if (!cast.status().IsInvalid()) return cast.status();
  // Arrow's text may quote the value.
  return MakeError(Fault::kBadData, "column " + node.name + " of type " + source->type()->ToString() +
                                        " holds a value that is not exact as " + node.type->ToString());
}

Result<ArrayPtr> ApplyNode(const Node& node, ArrayPtr source, int64_t length, arrow::MemoryPool* pool) {
  switch (node.kind) {
    case Node::Kind::kMissing:
      if (node.fallback != nullptr) return arrow::MakeArrayFromScalar(*node.fallback, length, pool);
      return arrow::MakeArrayOfNull(node.type, length, pool);
    case Node::Kind::kTake:
      return source;
    case Node::Kind::kCast:
      return CastExactly(node, std::move(source), pool);
    case Node::Kind::kStruct:
      return ApplyStruct(node, static_cast<const arrow::StructArray&>(*source), pool);
    case Node::Kind::kList:
      return ApplyList(node, source, pool);
    case Node::Kind::kMap:
      return ApplyMap(node, static_cast<const arrow::MapArray&>(*source), pool);
  }
  return MakeError(Fault::kBug, "projection: unknown kind");
}

std::shared_ptr<arrow::Field> MappedField(const arrow::Field& field,
                                          const std::map<std::string, NameMapping::Entry>& by_name);

arrow::FieldVector MappedFields(const arrow::FieldVector& fields,
                                const std::map<std::string, NameMapping::Entry>& by_name) {
  arrow::FieldVector mapped;
  for (const auto& field : fields) mapped.push_back(MappedField(*field, by_name));
  return mapped;
}

std::shared_ptr<arrow::Field> MappedField(const arrow::Field& field,
                                          const std::map<std::string, NameMapping::Entry>& by_name) {
  const auto found = by_name.find(field.name());
  static const std::map<std::string, NameMapping::Entry> kNone;
  const auto& below = found == by_name.end() ? kNone : found->second.fields;
  std::shared_ptr<arrow::DataType> type = field.type();
  if (type->id() == arrow::Type::STRUCT) {
    type = arrow::struct_(MappedFields(type->fields(), below));
  } else if (type->id() == arrow::Type::LIST) {  // whatever its element is called in the file
    type = arrow::list(MappedField(*type->field(0)->WithName("element"), below));
  } else if (type->id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(*type);
    type = std::make_shared<arrow::MapType>(MappedField(*map.key_field()->WithName("key"), below),
                                            MappedField(*map.item_field()->WithName("value"), below));
  }
  std::shared_ptr<const arrow::KeyValueMetadata> metadata;
  if (found != by_name.end() && found->second.field_id != 0) {
    metadata = arrow::key_value_metadata({schema::kFieldIdKey}, {std::to_string(found->second.field_id)});
  }
  return arrow::field(field.name(), type, field.nullable(), metadata);
}

Status ParseMappings(const nlohmann::json& list, int depth, std::map<std::string, NameMapping::Entry>* out) {
  if (!list.is_array() || depth > kNestingMax) return MakeError(Fault::kBadData, "name mapping: not a list of fields");
  for (const auto& item : list) {
    NameMapping::Entry entry;
    if (!item.is_object()) return MakeError(Fault::kBadData, "name mapping: a field is no object");
    const auto id = item.find("field-id");
    if (id != item.end() && id->is_number_integer()) entry.field_id = id->get<int32_t>();
    const auto fields = item.find("fields");
    if (fields != item.end()) ARROW_RETURN_NOT_OK(ParseMappings(*fields, depth + 1, &entry.fields));
    const auto names = item.find("names");
    if (names == item.end() || !names->is_array())
      return MakeError(Fault::kBadData, "name mapping: field without names");
    for (const auto& name : *names) {
      if (!name.is_string()) return MakeError(Fault::kBadData, "name mapping: a name is no string");
      (*out)[name.get<std::string>()] = entry;
    }
  }
  return Status::OK();
}

}  // namespace

int32_t FieldIdOf(const arrow::Field& field) {
  if (!field.metadata()) return 0;
  const int index = field.metadata()->FindKey(schema::kFieldIdKey);
  if (index < 0) return 0;
  const std::string& text = field.metadata()->value(index);
  int32_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id < 0 ? 0 : id;
}

Result<Projection> Projection::Make(const arrow::Schema& source, const schema::Schema& target, Extra extra) {
  Projection projection;
  ARROW_ASSIGN_OR_RAISE(auto nodes, (Builder{extra}.Fields(source.fields(), target.fields, "", 0)));
  projection.arrow_schema_ = schema::ToArrowSchema(target);
  projection.identity_ = nodes.size() == source.fields().size();
  for (size_t i = 0; i < nodes.size(); ++i) {
    projection.identity_ &= nodes[i].kind == Node::Kind::kTake && nodes[i].source_index == static_cast<int>(i);
    projection.columns_.push_back(std::make_shared<const Node>(std::move(nodes[i])));
  }
  return projection;
}

Result<std::shared_ptr<arrow::RecordBatch>> Projection::Apply(const arrow::RecordBatch& batch,
                                                              arrow::MemoryPool* pool) const {
  std::vector<ArrayPtr> columns;
  for (const auto& node : columns_) {
    ArrayPtr source = node->source_index < 0 ? nullptr : batch.column(node->source_index);
    ARROW_ASSIGN_OR_RAISE(source, ApplyNode(*node, std::move(source), batch.num_rows(), pool));
    ARROW_RETURN_NOT_OK(CheckRequired(*node, *source, nullptr));
    columns.push_back(std::move(source));
  }
  return arrow::RecordBatch::Make(arrow_schema_, batch.num_rows(), std::move(columns));
}

Result<NameMapping> ParseNameMapping(std::string_view json) {
  const auto tree = nlohmann::json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (tree.is_discarded()) return MakeError(Fault::kBadData, "name mapping is no JSON");
  NameMapping mapping;
  ARROW_RETURN_NOT_OK(ParseMappings(tree, 0, &mapping.fields));
  return mapping;
}

std::shared_ptr<arrow::Schema> WithMappedIds(const arrow::Schema& schema, const NameMapping& mapping) {
  return arrow::schema(MappedFields(schema.fields(), mapping.fields));
}

}  // namespace firn::table
