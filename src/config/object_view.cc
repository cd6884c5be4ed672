#include <utility>

#include "config/descriptor.h"
#include "config/value_text.h"

namespace firn::config {
namespace {

const Node* MappingOrNull(const Node* node) {
  return node != nullptr && node->kind == NodeKind::kMapping ? node : nullptr;
}

std::string VariantOf(const Node* node, const ObjectType& type) {
  if (type.tag.empty()) return "";
  const Node* tag = node == nullptr ? nullptr : node->Find(type.tag);
  return tag != nullptr && tag->kind == NodeKind::kScalar ? tag->text : type.tag_default;
}

std::optional<int64_t> NumberOf(FieldType type, std::string_view text) {
  if (type == FieldType::kSize) return ParseSizeBytes(text);
  if (type == FieldType::kDuration) return ParseDurationMs(text);
  return ParseInt(text);
}

}  // namespace

ObjectView::ObjectView(const Node* node, const ObjectType& type)
    : node_(MappingOrNull(node)), type_(&type), variant_(VariantOf(node_, type)) {}

const Field& ObjectView::Declared(std::string_view name) const {
  const Field* field = type_->FindField(name, variant_);
  // A variant's field may be asked for under another variant; it is then declared, but not there.
  for (const Variant& variant : type_->variants) {
    if (field == nullptr) field = type_->FindField(name, variant.tag_value);
  }
  FIRN_CHECK(field != nullptr);
  return *field;
}

const Node* ObjectView::Find(std::string_view name) const {
  if (name != type_->tag) Declared(name);
  return node_ == nullptr ? nullptr : node_->Find(name);
}

std::string ObjectView::Text(std::string_view name) const {
  const Node* node = Find(name);
  if (node != nullptr && node->kind == NodeKind::kScalar) return node->text;
  return Declared(name).default_text.value_or("");
}

std::optional<int64_t> ObjectView::OptionalInt(std::string_view name) const {
  const Field& field = Declared(name);
  const Node* node = Find(name);
  std::optional<int64_t> value;
  if (node != nullptr && node->kind == NodeKind::kScalar) value = NumberOf(field.type, node->text);
  if (!value && field.default_text) value = NumberOf(field.type, *field.default_text);
  return value;
}

int64_t ObjectView::Int(std::string_view name) const {
  return OptionalInt(name).value_or(0);
}

bool ObjectView::Bool(std::string_view name) const {
  const Node* node = Find(name);
  std::optional<bool> value;
  if (node != nullptr && node->kind == NodeKind::kScalar) value = ParseBool(node->text);
  return value.value_or(Declared(name).default_text == "true");
}

std::vector<std::string> ObjectView::TextList(std::string_view name) const {
  const Node* node = Find(name);
  std::vector<std::string> list;
  if (node == nullptr) return list;
  if (node->kind == NodeKind::kScalar && !node->is_null()) list.push_back(node->text);
  for (const Node& item : node->items) {
    if (item.kind == NodeKind::kScalar) list.push_back(item.text);
  }
  return list;
}

std::vector<std::pair<std::string, std::string>> ObjectView::TextMap(std::string_view name) const {
  const Node* node = Find(name);
  std::vector<std::pair<std::string, std::string>> map;
  if (node == nullptr) return map;
  for (const Entry& entry : node->entries) {
    if (entry.value.kind == NodeKind::kScalar) map.emplace_back(entry.key, entry.value.text);
  }
  return map;
}

ObjectView ObjectView::Object(std::string_view name) const {
  const Field& field = Declared(name);
  const Field* object = &field;
  for (const Field& alternative : field.elements) {
    if (field.type == FieldType::kOneOf && alternative.type == FieldType::kObject) object = &alternative;
  }
  FIRN_CHECK(object->object != nullptr);
  return ObjectView(Find(name), *object->object);
}

bool ObjectView::IsScalar(std::string_view name) const {
  const Node* node = Find(name);
  return node != nullptr && node->kind == NodeKind::kScalar;
}

}  // namespace firn::config
