#include "connector/airbyte/references.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "connector/airbyte/component.h"

namespace firn::connector::airbyte {
namespace {

// After resolution: references inside referenced maps multiply. The largest real manifest has 80,000.
constexpr int64_t kNodesMax = 1'000'000;
constexpr int kDepthMax = 200;
// Their values are the user's, not components: a text that looks like a reference stays text.
constexpr std::string_view kConfigFields[] = {"config_overrides"};

class Resolver {
 public:
  explicit Resolver(const Value& manifest) : manifest_(manifest) {}

  Result<Value> Resolve(const Value& node, int depth) {
    ARROW_RETURN_NOT_OK(Count(node.is_string() ? NodesOfText(node.as_string().size()) : 1, depth));
    switch (node.kind()) {
      case Value::Kind::kMap:
        return ResolveMap(node.as_map(), depth);
      case Value::Kind::kList: {
        List items;
        items.reserve(node.as_list().size());
        for (const Value& item : node.as_list()) {
          ARROW_ASSIGN_OR_RAISE(Value resolved, Resolve(item, depth + 1));
          items.push_back(std::move(resolved));
        }
        return Value::OfList(std::move(items));
      }
      case Value::Kind::kString:
        return node.as_string().starts_with("#/") ? Follow(node.as_string(), depth) : Result<Value>(node);
      default:
        return node;
    }
  }

 private:
  struct Known {
    Value value;
    int64_t num_nodes = 0;
    int height = 0;  // levels below it
  };

  // What is referenced is shared, and counted wherever it is used: what comes after copies it.
  Status Count(int64_t num_nodes, int depth) {
    num_nodes_ += num_nodes;
    deepest_ = std::max(deepest_, depth);
    if (depth <= kDepthMax && num_nodes_ <= kNodesMax) return Status::OK();
    return MakeError(Fault::kConfig, "the manifest's references make it larger than any manifest should be",
                     {.code = "E0105", .where = "", .why = "", .state = "", .next = ""});
  }

  Result<Value> ResolveMap(const Map& map, int depth) {
    Map own;
    const Value* reference = nullptr;
    for (const auto& [key, value] : map) {
      if (key == "$ref") {
        reference = &value;
      } else if (std::find(std::begin(kConfigFields), std::end(kConfigFields), key) != std::end(kConfigFields)) {
        own.emplace_back(key, value);
      } else {
        ARROW_ASSIGN_OR_RAISE(Value resolved, Resolve(value, depth + 1));
        own.emplace_back(key, std::move(resolved));
      }
    }
    if (reference == nullptr) return MapOf(std::move(own));
    ARROW_ASSIGN_OR_RAISE(const Value target, Resolve(*reference, depth + 1));
    if (target.kind() != Value::Kind::kMap) return target;
    Map merged = target.as_map();
    for (auto& [key, value] : own) SetKey(merged, key, std::move(value));
    return MapOf(std::move(merged));
  }

  // A reference is resolved once; what it names does not depend on where it is used.
  Result<Value> Follow(const std::string& reference, int depth) {
    if (const auto found = known_.find(reference); found != known_.end()) {
      const Known& known = found->second;
      ARROW_RETURN_NOT_OK(Count(known.num_nodes, depth + 1 + known.height));
      return known.value;
    }
    if (!open_.insert(reference).second) {
      return MakeError(Fault::kConfig, "the reference " + reference + " leads back to itself");
    }
    ARROW_ASSIGN_OR_RAISE(const Value target, Lookup(reference));
    const int64_t nodes_before = num_nodes_;
    const int deepest_before = std::exchange(deepest_, depth + 1);
    ARROW_ASSIGN_OR_RAISE(Value resolved, Resolve(target, depth + 1));
    open_.erase(reference);
    known_[reference] = {.value = resolved, .num_nodes = num_nodes_ - nodes_before, .height = deepest_ - depth - 1};
    deepest_ = std::max(deepest_, deepest_before);
    return resolved;
  }

  Result<Value> Lookup(const std::string& reference) const {
    std::string_view rest = std::string_view(reference).substr(2);
    const Value* node = &manifest_;
    while (!rest.empty()) {
      if (const Value* whole = node->Find(rest); whole != nullptr) return *whole;
      const size_t slash = rest.find('/');
      const std::string_view head = rest.substr(0, slash);
      rest = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
      node = node->kind() == Value::Kind::kList ? ItemOf(node->as_list(), head) : node->Find(head);
      if (node == nullptr) return MakeError(Fault::kConfig, "the reference " + reference + " leads to nothing");
    }
    return *node;
  }

  static const Value* ItemOf(const List& items, std::string_view head) {
    size_t index = 0;
    const auto [end, error] = std::from_chars(head.data(), head.data() + head.size(), index);
    return error == std::errc() && end == head.data() + head.size() && index < items.size() ? &items[index] : nullptr;
  }

  const Value& manifest_;
  std::set<std::string> open_;
  std::unordered_map<std::string, Known> known_;
  int64_t num_nodes_ = 0;
  int deepest_ = 0;  // level reached within the reference that is followed
};

}  // namespace

Result<Value> ResolveReferences(const Value& manifest) {
  return Resolver(manifest).Resolve(manifest, 0);
}

}  // namespace firn::connector::airbyte
