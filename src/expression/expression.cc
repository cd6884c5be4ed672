#include "expression/expression.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "expression/node.h"

namespace firn::expression {

Status ErrorAt(Range range, std::string message) {
  return MakeError(
      Fault::kConfig, std::move(message),
      {.code = "E0450", .where = "bytes " + std::to_string(range.begin) + "-" + std::to_string(range.end)});
}

Range RangeOf(const Status& status) {
  Range range;
  const ErrorContext* context = status.ok() ? nullptr : ContextOf(status);
  if (context == nullptr || context->where.rfind("bytes ", 0) != 0) return range;
  const char* at = context->where.data() + 6;
  const char* end = context->where.data() + context->where.size();
  at = std::from_chars(at, end, range.begin).ptr;
  if (at != end) std::from_chars(at + 1, end, range.end);
  return range;
}

const Value* Scope::Find(std::string_view name) const {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.first == name; });
  return found == names.end() ? nullptr : &found->second;
}

namespace {

constexpr size_t kSourceBytesMax = 64 << 10;

// Returns where the "}}" that ends the expression begins; quotes and braces inside are passed over.
size_t FindEnd(std::string_view source, size_t at) {
  int braces = 0;
  for (; at < source.size(); ++at) {
    const char c = source[at];
    if (c == '"' || c == '\'') {
      for (++at; at < source.size() && source[at] != c; ++at) {
        if (source[at] == '\\') ++at;
      }
    } else if (c == '{') {
      ++braces;
    } else if (c == '}' && braces > 0) {
      --braces;
    } else if (c == '}' && at + 1 < source.size() && source[at + 1] == '}') {
      return at;
    }
  }
  return std::string_view::npos;
}

void CollectNames(const Node& node, std::set<std::string>* names) {
  if (node.kind == Node::Kind::kName) names->insert(node.name);
  for (const NodePtr& child : node.children) CollectNames(*child, names);
}

// Returns true if `node` is a chain of constant accesses that begins at `name`, and its dotted path.
bool PathOf(const Node& node, std::string_view name, std::string* path) {
  if (node.kind == Node::Kind::kName) return node.name == name;
  std::string step = node.name;
  if (node.kind == Node::Kind::kIndex) {
    const Node& key = *node.children[1];
    if (key.kind != Node::Kind::kLiteral || !key.literal.is_string()) return false;
    step = key.literal.as_string();
  } else if (node.kind != Node::Kind::kAttribute) {
    return false;
  }
  if (!PathOf(*node.children[0], name, path)) return false;
  if (!path->empty()) *path += '.';
  *path += step;
  return true;
}

void CollectPaths(const Node& node, std::string_view name, std::set<std::string>* paths) {
  std::string path;
  if (PathOf(node, name, &path)) {
    paths->insert(path);
    return;
  }
  for (const NodePtr& child : node.children) CollectPaths(*child, name, paths);
}

}  // namespace

Result<Template> Template::Parse(std::string_view source, Limits limits) {
  if (source.size() > kSourceBytesMax) return ErrorAt({0, source.size()}, "the template is longer than 64 KiB");
  Template result;
  result.source_ = source;
  result.limits_ = limits;
  size_t at = 0;
  while (at < source.size()) {
    const size_t open = std::min(source.find("{{", at), source.size());
    if (open > at) result.parts_.push_back({.text = std::string(source.substr(at, open - at)), .range = {at, open}});
    if (open == source.size()) break;
    const size_t close = FindEnd(source, open + 2);
    if (close == std::string_view::npos) return ErrorAt({open, source.size()}, "'{{' without '}}'");
    ARROW_ASSIGN_OR_RAISE(NodePtr node, ParseNode(source, {open + 2, close}, limits));
    result.parts_.push_back({.node = std::move(node), .range = {open, close + 2}});
    at = close + 2;
  }
  return result;
}

Result<Template> Template::ParseExpression(std::string_view source, Limits limits) {
  const size_t first = source.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && source.substr(first, 2) == "{{") {
    const size_t last = source.find_last_not_of(" \t\r\n");
    ARROW_ASSIGN_OR_RAISE(Template result, Parse(source.substr(0, last + 1), limits));
    std::erase_if(result.parts_, [](const Part& part) {
      return part.node == nullptr && part.text.find_first_not_of(" \t\r\n") == std::string::npos;
    });
    if (result.parts_.size() == 1 && result.parts_[0].node != nullptr) return result;
    return ErrorAt({0, source.size()}, "one expression is wanted here");
  }
  if (source.size() > kSourceBytesMax) return ErrorAt({0, source.size()}, "the expression is longer than 64 KiB");
  Template result;
  result.source_ = source;
  result.limits_ = limits;
  const Range range{0, source.size()};
  ARROW_ASSIGN_OR_RAISE(NodePtr node, ParseNode(source, range, limits));
  result.parts_.push_back({.node = std::move(node), .range = range});
  return result;
}

bool Template::is_literal() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.node == nullptr; });
}

Result<Value> Template::Evaluate(const Scope& scope) const {
  if (parts_.size() == 1 && parts_[0].node != nullptr) {
    Budget budget{.limits = &limits_, .fuel = limits_.fuel};
    return EvaluateNode(*parts_[0].node, scope, &budget);
  }
  std::string out;
  bool secret = false;
  Budget budget{.limits = &limits_, .fuel = limits_.fuel};
  for (const Part& part : parts_) {
    if (part.node == nullptr) {
      out += part.text;
    } else {
      ARROW_ASSIGN_OR_RAISE(Value value, EvaluateNode(*part.node, scope, &budget));
      if (value.is_null()) return ErrorAt(part.range, "the expression has no value here");
      secret = secret || value.secret();
      out += ToText(value);
    }
    if (static_cast<int64_t>(out.size()) > limits_.output_bytes) return ErrorAt(part.range, "the result is too long");
  }
  return Value::String(std::move(out)).WithSecret(secret);
}

Result<std::string> Template::Render(const Scope& scope) const {
  ARROW_ASSIGN_OR_RAISE(Value value, Evaluate(scope));
  if (value.is_null()) return ErrorAt({0, source_.size()}, "the expression has no value here");
  return ToText(value);
}

Result<std::string> Template::RenderEncoded(const Scope& scope, const Encode& encode) const {
  Budget budget{.limits = &limits_, .fuel = limits_.fuel};
  std::string out;
  for (const Part& part : parts_) {
    if (part.node == nullptr) {
      out += part.text;
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const Value value, EvaluateNode(*part.node, scope, &budget));
    if (value.is_null()) return ErrorAt(part.range, "the expression has no value here");
    const std::string text = ToText(value);
    const bool whole = parts_.size() == 1 && (text.rfind('/', 0) == 0 || text.find("://") != std::string::npos);
    auto encoded = whole ? Result<std::string>(text) : encode(text);
    if (!encoded.ok()) return ErrorAt(part.range, encoded.status().message());
    out += *encoded;
    if (static_cast<int64_t>(out.size()) > limits_.output_bytes) return ErrorAt(part.range, "the result is too long");
  }
  return out;
}

std::vector<std::string> Template::Names() const {
  std::set<std::string> names;
  for (const Part& part : parts_) {
    if (part.node != nullptr) CollectNames(*part.node, &names);
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> Template::PathsBelow(std::string_view name) const {
  std::set<std::string> paths;
  for (const Part& part : parts_) {
    if (part.node != nullptr) CollectPaths(*part.node, name, &paths);
  }
  return {paths.begin(), paths.end()};
}

}  // namespace firn::expression
