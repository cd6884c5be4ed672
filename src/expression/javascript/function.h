#pragma once

#include <memory>
#include <string_view>

#include "expression/javascript/regex.h"
#include "expression/javascript/value.h"

/// What lies behind function and regular expression values. Private to this folder.
namespace firn::expression::javascript {

struct Node;
struct Frame;
struct Builtin;

/// An arrow function (with the names it sees), or a built-in one (with the value it was read from).
struct Function : Container {
  const Node* arrow = nullptr;  // null: built-in
  Frame* frame = nullptr;       // owned by the evaluation
  std::weak_ptr<const int> evaluation;
  const Builtin* builtin = nullptr;
  Value receiver;
};

inline bool SameBuiltin(const Function& a, const Function& b) {
  return a.builtin != nullptr && a.builtin == b.builtin;
}

/// True for Math and JSON, which only have members.
bool IsNamespace(const Function& function);

struct RegexObject {
  Regex regex;
  std::u16string source;
  std::string flags;  // in the order JavaScript prints them

  bool Has(char flag) const { return flags.find(flag) != std::string::npos; }
};

}  // namespace firn::expression::javascript
