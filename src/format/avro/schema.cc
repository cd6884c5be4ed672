#include "format/avro/schema.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace firn::format::avro {
namespace {

using Json = nlohmann::json;

constexpr int64_t kNodesMax = 100'000;
constexpr int kDepthMax = 100;
constexpr size_t kSchemaBytesMax = 16 << 20;

constexpr std::pair<std::string_view, Kind> kPrimitives[] = {
    {"null", Kind::kNull},   {"boolean", Kind::kBoolean}, {"int", Kind::kInt},     {"long", Kind::kLong},
    {"float", Kind::kFloat}, {"double", Kind::kDouble},   {"bytes", Kind::kBytes}, {"string", Kind::kString},
};

Status Bad(std::string_view problem) {
  return MakeError(Fault::kBadData, "avro schema: " + std::string(problem));
}

// nlohmann parses any depth, but walking it is recursion: count brackets outside of strings first.
bool ShallowEnough(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > 3 * kDepthMax) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return true;
}

class Parser {
 public:
  Result<NodePtr> Parse(const Json& json, int depth) {
    if (depth > kDepthMax) return Bad("nested too deep");
    if (++num_nodes_ > kNodesMax) return Bad("too many types");
    if (json.is_string()) return Named(json.get<std::string>());
    if (json.is_array()) return Union(json, depth);
    if (!json.is_object()) return Bad("a type is neither name, object nor union");
    const auto type = json.find("type");
    if (type == json.end()) return Bad("an object without type");
    if (!type->is_string()) return Parse(*type, depth + 1);  // {"type": {"type": …}}, written by some
    return Object(json, type->get<std::string>(), depth);
  }

 private:
  // A finished named type and how many types it is when written out, so that references cannot grow exponentially.
  struct Definition {
    NodePtr node;
    int64_t num_nodes;
  };

  Result<NodePtr> Named(const std::string& name) {
    for (const auto& [text, kind] : kPrimitives) {
      if (text == name) return std::make_shared<const Node>(Node{.kind = kind});
    }
    const auto found = named_.find(name);
    // A type that is still open is not there either: recursion is refused.
    if (found == named_.end()) return Bad("unknown or recursive type name");
    num_nodes_ += found->second.num_nodes;
    if (num_nodes_ > kNodesMax) return Bad("too many types");
    return found->second.node;
  }

  Result<NodePtr> Union(const Json& json, int depth) {
    Node node{.kind = Kind::kUnion};
    for (const Json& branch : json) {
      ARROW_ASSIGN_OR_RAISE(NodePtr parsed, Parse(branch, depth + 1));
      if (parsed->kind == Kind::kUnion) return Bad("a union inside a union");
      node.branches.push_back(std::move(parsed));
    }
    if (node.branches.empty()) return Bad("an empty union");
    ARROW_RETURN_NOT_OK(SetHeight(node));
    return std::make_shared<const Node>(std::move(node));
  }

  static Result<std::optional<int32_t>> IntAttribute(const Json& json, const char* key) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_number_integer()) return std::nullopt;
    const int64_t value = found->get<int64_t>();
    if (value < INT32_MIN || value > INT32_MAX) return Bad("an integer attribute is out of range");
    return static_cast<int32_t>(value);
  }

  Result<NodePtr> Object(const Json& json, const std::string& type, int depth) {
    const int64_t nodes_before = num_nodes_;
    Node node;
    if (const auto logical = json.find("logicalType"); logical != json.end() && logical->is_string()) {
      node.logical_type = logical->get<std::string>();
    }
    ARROW_ASSIGN_OR_RAISE(const auto precision, IntAttribute(json, "precision"));
    ARROW_ASSIGN_OR_RAISE(const auto scale, IntAttribute(json, "scale"));
    node.precision = precision.value_or(0);
    node.scale = scale.value_or(0);
    if (type == "record" || type == "error") {
      ARROW_RETURN_NOT_OK(Fields(json, node, depth));
    } else if (type == "array" || type == "map") {
      ARROW_RETURN_NOT_OK(Collection(json, type, node, depth));
    } else if (type == "fixed") {
      ARROW_ASSIGN_OR_RAISE(const auto size, IntAttribute(json, "size"));
      if (!size || *size < 0) return Bad("a fixed without size");
      node.kind = Kind::kFixed;
      node.size = *size;
    } else if (type == "enum") {
      ARROW_RETURN_NOT_OK(Symbols(json, node));
    } else {
      return Plain(type, std::move(node));
    }
    return Finish(json, std::move(node), nodes_before);
  }

  // A primitive in object form, which may carry a logical type.
  Result<NodePtr> Plain(const std::string& type, Node node) {
    ARROW_ASSIGN_OR_RAISE(const NodePtr base, Named(type));
    if (node.logical_type.empty()) return base;
    node.kind = base->kind;
    if (base->kind >= Kind::kFixed) return base;
    return std::make_shared<const Node>(std::move(node));
  }

  Status Fields(const Json& json, Node& node, int depth) {
    node.kind = Kind::kRecord;
    const auto fields = json.find("fields");
    if (fields == json.end() || !fields->is_array()) return Bad("a record without fields");
    for (const Json& element : *fields) {
      if (!element.is_object()) return Bad("a record field is no object");
      const auto name = element.find("name");
      const auto type = element.find("type");
      if (name == element.end() || !name->is_string() || type == element.end()) {
        return Bad("a record field without name or type");
      }
      RecordField field{.name = name->get<std::string>()};
      ARROW_ASSIGN_OR_RAISE(field.field_id, IntAttribute(element, "field-id"));
      ARROW_ASSIGN_OR_RAISE(field.type, Parse(*type, depth + 1));
      node.fields.push_back(std::move(field));
    }
    return Status::OK();
  }

  Status Collection(const Json& json, const std::string& type, Node& node, int depth) {
    node.kind = type == "array" ? Kind::kArray : Kind::kMap;
    const auto items = json.find(type == "array" ? "items" : "values");
    if (items == json.end()) return Bad("an array or map without items");
    ARROW_ASSIGN_OR_RAISE(node.element_id, IntAttribute(json, "element-id"));
    ARROW_ASSIGN_OR_RAISE(NodePtr parsed, Parse(*items, depth + 1));
    node.branches.push_back(std::move(parsed));
    return Status::OK();
  }

  // The text may be shallow and the type deep, through references: decoding is recursive.
  static Status SetHeight(Node& node) {
    for (const RecordField& field : node.fields) node.height = std::max(node.height, field.type->height + 1);
    for (const NodePtr& branch : node.branches) node.height = std::max(node.height, branch->height + 1);
    return node.height > kDepthMax ? Bad("nested too deep") : Status::OK();
  }

  static Status Symbols(const Json& json, Node& node) {
    node.kind = Kind::kEnum;
    const auto symbols = json.find("symbols");
    if (symbols == json.end() || !symbols->is_array()) return Bad("an enum without symbols");
    for (const Json& symbol : *symbols) {
      if (!symbol.is_string()) return Bad("an enum symbol is no string");
      node.symbols.push_back(symbol.get<std::string>());
    }
    return Status::OK();
  }

  Result<NodePtr> Finish(const Json& json, Node node, int64_t nodes_before) {
    if (const auto name = json.find("name"); name != json.end() && name->is_string()) {
      node.name = name->get<std::string>();
    }
    const bool is_named = node.kind == Kind::kRecord || node.kind == Kind::kFixed || node.kind == Kind::kEnum;
    if (is_named && node.name.empty()) return Bad("a record, fixed or enum without name");
    ARROW_RETURN_NOT_OK(SetHeight(node));
    auto shared = std::make_shared<const Node>(std::move(node));
    if (is_named) {
      const Definition definition{shared, num_nodes_ - nodes_before + 1};
      named_.insert_or_assign(shared->name, definition);
      if (const auto space = json.find("namespace"); space != json.end() && space->is_string()) {
        named_.insert_or_assign(space->get<std::string>() + "." + shared->name, definition);
      }
    }
    return NodePtr(std::move(shared));
  }

  std::map<std::string, Definition> named_;
  int64_t num_nodes_ = 0;
};

}  // namespace

int Node::FindField(int32_t field_id, std::string_view field_name) const {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].field_id == field_id) return static_cast<int>(i);
  }
  // A field that has no id is known by its name; one that has another id is another field.
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i].field_id && fields[i].name == field_name) return static_cast<int>(i);
  }
  return -1;
}

Result<NodePtr> ParseSchema(std::string_view json) {
  if (json.size() > kSchemaBytesMax) return Bad("too large");
  if (!ShallowEnough(json)) return Bad("nested too deep");
  const Json tree = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (tree.is_discarded()) return Bad("not valid JSON");
  return Parser().Parse(tree, 0);
}

bool IsOptional(const Node& type) {
  if (type.kind == Kind::kNull) return true;
  return type.kind == Kind::kUnion && std::any_of(type.branches.begin(), type.branches.end(),
                                                  [](const NodePtr& branch) { return branch->kind == Kind::kNull; });
}

const Node& WithoutNull(const Node& type) {
  if (type.kind != Kind::kUnion) return type;
  for (const NodePtr& branch : type.branches) {
    if (branch->kind != Kind::kNull) return *branch;
  }
  return type;
}

}  // namespace firn::format::avro
