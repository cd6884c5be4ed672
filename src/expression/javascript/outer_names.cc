#include <algorithm>

#include "expression/javascript/builtins.h"
#include "expression/javascript/expression.h"
#include "expression/javascript/program.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Node::Kind;

class Walk {
 public:
  void Visit(const Node* node) {
    if (node == nullptr) return;  // a hole of a pattern
    const size_t bound_before = bound_.size();
    if (node->kind == Kind::kArrow) {
      for (size_t i = 0; i + 1 < node->children.size(); ++i) Bind(node->children[i]);
    } else if (node->kind == Kind::kBlock) {
      for (const Node* child : node->children) {
        if (child != nullptr && child->kind == Kind::kDeclare) Bind(child->children[0]);
      }
    }
    if (node->kind == Kind::kName) {
      Use(*node, "");
    } else if (const Node* owner = OwnerOf(*node)) {
      Use(*owner, KeyOf(*node));
      for (size_t i = 1; i < node->children.size(); ++i) Visit(node->children[i]);
    } else {
      for (const Node* child : node->children) Visit(child);
    }
    bound_.resize(bound_before);
  }

  std::vector<NameUse> Take() { return std::move(uses_); }

 private:
  // The name that a member is read of; null: it is read of something else.
  static const Node* OwnerOf(const Node& node) {
    if (node.kind != Kind::kMember && node.kind != Kind::kIndex) return nullptr;
    return node.children[0]->kind == Kind::kName ? node.children[0] : nullptr;
  }

  static std::string KeyOf(const Node& node) {
    if (node.kind == Kind::kMember) return ToUtf8(node.key);
    const Node& key = *node.children[1];
    return key.kind == Kind::kLiteral && key.value.is_string() ? ToUtf8(key.value.as_string()) : "";
  }

  void Bind(const Node* pattern) {
    if (pattern == nullptr) return;
    if (pattern->kind == Kind::kBindName) bound_.push_back(pattern->name);
    if (pattern->kind == Kind::kDefault) return Bind(pattern->children[0]);
    if (pattern->kind == Kind::kProperty) return Bind(pattern->children.back());
    for (const Node* child : pattern->children) Bind(child);
  }

  void Use(const Node& name, std::string member) {
    if (name.name == "undefined" || std::ranges::find(bound_, name.name) != bound_.end()) return;
    if (GlobalValue(name.name)) return;
    uses_.push_back({.name = name.name, .member = std::move(member), .range = name.range});
  }

  std::vector<std::string> bound_;
  std::vector<NameUse> uses_;
};

}  // namespace

std::vector<NameUse> Expression::OuterNames() const {
  Walk walk;
  walk.Visit(program_->root);
  return walk.Take();
}

}  // namespace firn::expression::javascript
