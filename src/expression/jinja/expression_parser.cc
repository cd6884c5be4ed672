#include "expression/jinja/expression_parser.h"

#include <algorithm>
#include <optional>

#include "expression/jinja/builtins.h"

namespace firn::expression::jinja {
namespace {

using Kind = Node::Kind;

}  // namespace

Result<NodeIndex> ExpressionParser::Tuple(bool conditional, const Names& ends, bool parentheses) {
  const size_t begin = Now().range.begin;
  std::vector<NodeIndex> items;
  bool tuple = false;
  while (true) {
    if (!items.empty()) ARROW_RETURN_NOT_OK(Expect(","));
    const bool end = Now().kind == Token::Kind::kVariableEnd || Now().kind == Token::Kind::kBlockEnd ||
                     IsOperator(")") || std::any_of(ends.begin(), ends.end(), [&](auto name) { return IsName(name); });
    if (end) break;
    ARROW_ASSIGN_OR_RAISE(const NodeIndex item, conditional ? Expression() : Or());
    items.push_back(item);
    if (!IsOperator(",")) break;
    tuple = true;
  }
  if (!tuple && !items.empty()) return items[0];
  if (!tuple && !parentheses) return Wanted("an expression");
  return Add({.kind = Kind::kTuple, .children = std::move(items)}, begin);
}

Result<NodeIndex> ExpressionParser::Expression() {
  const Deeper deeper(&depth_);
  ARROW_RETURN_NOT_OK(CheckDepth());
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(NodeIndex value, Or());
  while (TakeName("if")) {
    ARROW_ASSIGN_OR_RAISE(const NodeIndex test, Or());
    NodeIndex otherwise = kNone;
    if (TakeName("else")) {
      ARROW_ASSIGN_OR_RAISE(otherwise, Expression());
    }
    ARROW_ASSIGN_OR_RAISE(value, Add({.kind = Kind::kConditional, .children = {test, value, otherwise}}, begin));
  }
  return value;
}

Result<NodeIndex> ExpressionParser::Or() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(NodeIndex left, And());
  while (TakeName("or")) {
    ARROW_ASSIGN_OR_RAISE(const NodeIndex right, And());
    ARROW_ASSIGN_OR_RAISE(left, Add({.kind = Kind::kOr, .children = {left, right}}, begin));
  }
  return left;
}

Result<NodeIndex> ExpressionParser::And() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(NodeIndex left, Not());
  while (TakeName("and")) {
    ARROW_ASSIGN_OR_RAISE(const NodeIndex right, Not());
    ARROW_ASSIGN_OR_RAISE(left, Add({.kind = Kind::kAnd, .children = {left, right}}, begin));
  }
  return left;
}

Result<NodeIndex> ExpressionParser::Not() {
  const size_t begin = Now().range.begin;
  if (!TakeName("not")) return Compare();
  const Deeper deeper(&depth_);
  ARROW_RETURN_NOT_OK(CheckDepth());
  ARROW_ASSIGN_OR_RAISE(const NodeIndex inner, Not());
  return Add({.kind = Kind::kNot, .children = {inner}}, begin);
}

std::optional<Op> ExpressionParser::TakeComparison() {
  struct Named {
    std::string_view text;
    Op op;
  };
  constexpr Named kOperators[] = {{"==", Op::kEqual},     {"!=", Op::kNotEqual}, {"<", Op::kLess},
                                  {"<=", Op::kLessEqual}, {">", Op::kGreater},   {">=", Op::kGreaterEqual}};
  for (const Named& named : kOperators) {
    if (TakeOperator(named.text)) return named.op;
  }
  if (TakeName("in")) return Op::kIn;
  if (IsName("not") && Next().kind == Token::Kind::kName && Next().text == "in") {
    at_ += 2;
    return Op::kNotIn;
  }
  return std::nullopt;
}

Result<NodeIndex> ExpressionParser::Compare() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(const NodeIndex left, Sum());
  Node node{.kind = Kind::kCompare, .children = {left}};
  while (const auto op = TakeComparison()) {
    node.ops.push_back(*op);
    ARROW_ASSIGN_OR_RAISE(const NodeIndex right, Sum());
    node.children.push_back(right);
  }
  if (node.ops.empty()) return left;
  return Add(std::move(node), begin);
}

Result<NodeIndex> ExpressionParser::Sum() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(NodeIndex left, Concat());
  while (IsOperator("+") || IsOperator("-")) {
    const Op op = IsOperator("+") ? Op::kAdd : Op::kSubtract;
    ++at_;
    ARROW_ASSIGN_OR_RAISE(const NodeIndex right, Concat());
    ARROW_ASSIGN_OR_RAISE(left, Add({.kind = Kind::kBinary, .op = op, .children = {left, right}}, begin));
  }
  return left;
}

Result<NodeIndex> ExpressionParser::Concat() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(const NodeIndex first, Product());
  if (!IsOperator("~")) return first;
  Node node{.kind = Kind::kConcat, .children = {first}};
  while (TakeOperator("~")) {
    ARROW_ASSIGN_OR_RAISE(const NodeIndex next, Product());
    node.children.push_back(next);
  }
  return Add(std::move(node), begin);
}

Result<NodeIndex> ExpressionParser::Product() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(NodeIndex left, Power());
  while (true) {
    const Op op = IsOperator("*")    ? Op::kMultiply
                  : IsOperator("/")  ? Op::kDivide
                  : IsOperator("//") ? Op::kFloorDivide
                  : IsOperator("%")  ? Op::kModulo
                                     : Op::kAdd;
    if (op == Op::kAdd) return left;
    ++at_;
    ARROW_ASSIGN_OR_RAISE(const NodeIndex right, Power());
    ARROW_ASSIGN_OR_RAISE(left, Add({.kind = Kind::kBinary, .op = op, .children = {left, right}}, begin));
  }
}

// From left to right, unlike Python's.
Result<NodeIndex> ExpressionParser::Power() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(NodeIndex left, Unary(true));
  while (TakeOperator("**")) {
    ARROW_ASSIGN_OR_RAISE(const NodeIndex right, Unary(true));
    ARROW_ASSIGN_OR_RAISE(left, Add({.kind = Kind::kBinary, .op = Op::kPower, .children = {left, right}}, begin));
  }
  return left;
}

Result<NodeIndex> ExpressionParser::Unary(bool filters) {
  const Deeper deeper(&depth_);
  ARROW_RETURN_NOT_OK(CheckDepth());
  const size_t begin = Now().range.begin;
  NodeIndex node = kNone;
  if (IsOperator("-") || IsOperator("+")) {
    const Kind kind = IsOperator("-") ? Kind::kNegate : Kind::kPlus;
    ++at_;
    ARROW_ASSIGN_OR_RAISE(const NodeIndex inner, Unary(false));
    ARROW_ASSIGN_OR_RAISE(node, Add({.kind = kind, .children = {inner}}, begin));
  } else {
    ARROW_ASSIGN_OR_RAISE(node, Primary());
  }
  ARROW_ASSIGN_OR_RAISE(node, Postfix(node, begin));
  return filters ? Filters(node, begin) : Result<NodeIndex>(node);
}

Result<NodeIndex> ExpressionParser::Primary() {
  const Token& token = Now();
  const size_t begin = token.range.begin;
  switch (token.kind) {
    case Token::Kind::kName:
      ++at_;
      return NameOrConstant(token.text, begin);
    case Token::Kind::kString: {
      std::string text;
      for (; Now().kind == Token::Kind::kString; ++at_) text += Now().value.as_string();
      return Add({.kind = Kind::kLiteral, .literal = Value::String(text)}, begin);
    }
    case Token::Kind::kInteger:
    case Token::Kind::kFloat:
      ++at_;
      return Add({.kind = Kind::kLiteral, .literal = token.value}, begin);
    default:
      break;
  }
  if (TakeOperator("(")) {
    ARROW_ASSIGN_OR_RAISE(const NodeIndex inner, Tuple(true, {}, true));
    ARROW_RETURN_NOT_OK(Expect(")"));
    return inner;
  }
  if (IsOperator("[")) return ListNode(begin);
  if (IsOperator("{")) return MapNode(begin);
  return Wanted("an expression");
}

Result<NodeIndex> ExpressionParser::NameOrConstant(std::string_view name, size_t begin) {
  if (name == "true" || name == "True") return Add({.kind = Kind::kLiteral, .literal = Value::Bool(true)}, begin);
  if (name == "false" || name == "False") return Add({.kind = Kind::kLiteral, .literal = Value::Bool(false)}, begin);
  if (name == "none" || name == "None") return Add({.kind = Kind::kLiteral, .literal = Value::Null()}, begin);
  return Add({.kind = Kind::kName, .name = std::string(name)}, begin);
}

Result<NodeIndex> ExpressionParser::ListNode(size_t begin) {
  ++at_;
  Node node{.kind = Kind::kList};
  while (!TakeOperator("]")) {
    if (!node.children.empty()) ARROW_RETURN_NOT_OK(Expect(","));
    if (TakeOperator("]")) break;
    ARROW_ASSIGN_OR_RAISE(const NodeIndex item, Expression());
    node.children.push_back(item);
  }
  return Add(std::move(node), begin);
}

Result<NodeIndex> ExpressionParser::MapNode(size_t begin) {
  ++at_;
  Node node{.kind = Kind::kMap};
  while (!TakeOperator("}")) {
    if (!node.children.empty()) ARROW_RETURN_NOT_OK(Expect(","));
    if (TakeOperator("}")) break;
    ARROW_ASSIGN_OR_RAISE(const NodeIndex key, Expression());
    ARROW_RETURN_NOT_OK(Expect(":"));
    ARROW_ASSIGN_OR_RAISE(const NodeIndex value, Expression());
    node.children.push_back(key);
    node.children.push_back(value);
  }
  return Add(std::move(node), begin);
}

Result<NodeIndex> ExpressionParser::Postfix(NodeIndex node, size_t begin) {
  while (true) {
    if (TakeOperator(".")) {
      ARROW_ASSIGN_OR_RAISE(node, Attribute(node, begin));
    } else if (TakeOperator("[")) {
      ARROW_ASSIGN_OR_RAISE(node, Subscript(node, begin));
    } else if (IsOperator("(")) {
      Node call{.kind = Kind::kCall, .children = {node}};
      ARROW_RETURN_NOT_OK(Arguments(&call));
      ARROW_ASSIGN_OR_RAISE(node, Add(std::move(call), begin));
    } else {
      return node;
    }
  }
}

Result<NodeIndex> ExpressionParser::Attribute(NodeIndex node, size_t begin) {
  const Token& token = Now();
  if (token.kind == Token::Kind::kName) {
    ++at_;
    return Add({.kind = Kind::kAttribute,
                .recursive = FindMapMethod(token.text) != nullptr || token.text.substr(0, 2) == "__",
                .name = std::string(token.text),
                .literal = Value::String(token.text),
                .children = {node}},
               begin);
  }
  if (token.kind != Token::Kind::kInteger) return Wanted("a name or number");
  ++at_;
  ARROW_ASSIGN_OR_RAISE(const NodeIndex number,
                        Add({.kind = Kind::kLiteral, .literal = token.value}, token.range.begin));
  return Add({.kind = Kind::kItem, .children = {node, number}}, begin);
}

Result<NodeIndex> ExpressionParser::Subscript(NodeIndex node, size_t begin) {
  std::vector<NodeIndex> items;
  const size_t inside = Now().range.begin;
  while (!TakeOperator("]")) {
    if (!items.empty()) ARROW_RETURN_NOT_OK(Expect(","));
    ARROW_ASSIGN_OR_RAISE(const NodeIndex item, IndexOrSlice());
    items.push_back(item);
  }
  NodeIndex index = items.size() == 1 ? items[0] : kNone;
  if (items.size() != 1) {
    ARROW_ASSIGN_OR_RAISE(index, Add({.kind = Kind::kTuple, .children = std::move(items)}, inside));
  }
  return Add({.kind = Kind::kItem, .children = {node, index}}, begin);
}

Result<NodeIndex> ExpressionParser::IndexOrSlice() {
  const size_t begin = Now().range.begin;
  std::vector<NodeIndex> bounds = {kNone, kNone, kNone};
  if (!IsOperator(":")) {
    ARROW_ASSIGN_OR_RAISE(const NodeIndex first, Expression());
    if (!IsOperator(":")) return first;
    bounds[0] = first;
  }
  ++at_;
  const auto ends = [&] { return IsOperator("]") || IsOperator(","); };
  if (!IsOperator(":") && !ends()) {
    ARROW_ASSIGN_OR_RAISE(bounds[1], Expression());
  }
  if (TakeOperator(":") && !ends()) {
    ARROW_ASSIGN_OR_RAISE(bounds[2], Expression());
  }
  return Add({.kind = Kind::kSlice, .children = std::move(bounds)}, begin);
}

Status ExpressionParser::Arguments(Node* node) {
  ARROW_RETURN_NOT_OK(Expect("("));
  bool first = true;
  while (!TakeOperator(")")) {
    if (!first) {
      ARROW_RETURN_NOT_OK(Expect(","));
      if (TakeOperator(")")) break;
    }
    first = false;
    if (IsOperator("*") || IsOperator("**")) return ErrorAt(Now().range, "unpacked arguments are not supported");
    if (Now().kind == Token::Kind::kName && Next().kind == Token::Kind::kOperator && Next().text == "=") {
      std::string name(Now().text);
      at_ += 2;
      ARROW_ASSIGN_OR_RAISE(const NodeIndex value, Expression());
      node->named.emplace_back(std::move(name), value);
    } else {
      if (!node->named.empty()) return ErrorAt(Now().range, "a positional argument after a named one");
      ARROW_ASSIGN_OR_RAISE(const NodeIndex value, Expression());
      node->children.push_back(value);
    }
  }
  return Status::OK();
}

Result<NodeIndex> ExpressionParser::Filters(NodeIndex node, size_t begin) {
  while (true) {
    if (TakeOperator("|")) {
      ARROW_ASSIGN_OR_RAISE(node, FilterNode(node, begin));
    } else if (IsName("is")) {
      ARROW_ASSIGN_OR_RAISE(node, TestNode(node, begin));
    } else if (IsOperator("(")) {
      Node call{.kind = Kind::kCall, .children = {node}};
      ARROW_RETURN_NOT_OK(Arguments(&call));
      ARROW_ASSIGN_OR_RAISE(node, Add(std::move(call), begin));
    } else {
      return node;
    }
  }
}

Result<std::string> ExpressionParser::DottedName(Range* range) {
  if (Now().kind != Token::Kind::kName) return Wanted("a name");
  *range = Now().range;
  std::string name(Now().text);
  ++at_;
  while (TakeOperator(".")) {
    if (Now().kind != Token::Kind::kName) return Wanted("a name");
    name += "." + std::string(Now().text);
    range->end = Now().range.end;
    ++at_;
  }
  return name;
}

Result<NodeIndex> ExpressionParser::FilterNode(NodeIndex value, size_t begin) {
  Range range;
  ARROW_ASSIGN_OR_RAISE(std::string name, DottedName(&range));
  Node node{.kind = Kind::kFilter, .filter = FindFilter(name), .name = name, .children = {value}};
  if (node.filter == nullptr) return ErrorAt(range, "unknown filter '" + name + "'");
  if (IsOperator("(")) ARROW_RETURN_NOT_OK(Arguments(&node));
  return Add(std::move(node), begin);
}

Result<NodeIndex> ExpressionParser::TestNode(NodeIndex value, size_t begin) {
  ++at_;
  const bool negated = TakeName("not");
  Range range;
  ARROW_ASSIGN_OR_RAISE(std::string name, DottedName(&range));
  Node node{.kind = Kind::kTest, .test = FindTest(name), .name = name, .children = {value}};
  if (node.test == nullptr) return ErrorAt(range, "unknown test '" + name + "'");
  if (IsOperator("(")) {
    ARROW_RETURN_NOT_OK(Arguments(&node));
  } else if (StartsArgument()) {
    if (IsName("is")) return ErrorAt(Now().range, "tests cannot be chained");
    const size_t argument = Now().range.begin;
    ARROW_ASSIGN_OR_RAISE(const NodeIndex primary, Primary());
    ARROW_ASSIGN_OR_RAISE(const NodeIndex whole, Postfix(primary, argument));
    node.children.push_back(whole);
  }
  ARROW_ASSIGN_OR_RAISE(const NodeIndex test, Add(std::move(node), begin));
  return negated ? Add({.kind = Kind::kNot, .children = {test}}, begin) : Result<NodeIndex>(test);
}

bool ExpressionParser::StartsArgument() const {
  switch (Now().kind) {
    case Token::Kind::kName:
      return !IsName("else") && !IsName("or") && !IsName("and");
    case Token::Kind::kString:
    case Token::Kind::kInteger:
    case Token::Kind::kFloat:
      return true;
    default:
      return IsOperator("[") || IsOperator("{");
  }
}

}  // namespace firn::expression::jinja
