#include "expression/javascript/parser.h"

#include <algorithm>
#include <array>

#include "expression/javascript/errors.h"
#include "expression/javascript/function.h"
#include "expression/javascript/number_text.h"
#include "expression/javascript/regex_value.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {
namespace {

using Kind = Node::Kind;

struct BinaryOperator {
  std::string_view text;
  int precedence;
  Operator operation;
};

constexpr int kCoalescePrecedence = 1;
constexpr std::array<BinaryOperator, 25> kBinaryOperators = {{
    {"?\?", kCoalescePrecedence, Operator::kCoalesce},
    {"||", 2, Operator::kOr},
    {"&&", 3, Operator::kAnd},
    {"|", 4, Operator::kBitOr},
    {"^", 5, Operator::kBitXor},
    {"&", 6, Operator::kBitAnd},
    {"==", 7, Operator::kEquals},
    {"!=", 7, Operator::kNotEquals},
    {"===", 7, Operator::kStrictEquals},
    {"!==", 7, Operator::kStrictNotEquals},
    {"<", 8, Operator::kLess},
    {"<=", 8, Operator::kLessEqual},
    {">", 8, Operator::kGreater},
    {">=", 8, Operator::kGreaterEqual},
    {"in", 8, Operator::kIn},
    {"instanceof", 8, Operator::kInstanceof},
    {"<<", 9, Operator::kShiftLeft},
    {">>", 9, Operator::kShiftRight},
    {">>>", 9, Operator::kShiftRightUnsigned},
    {"+", 10, Operator::kAdd},
    {"-", 10, Operator::kSubtract},
    {"*", 11, Operator::kMultiply},
    {"/", 11, Operator::kDivide},
    {"%", 11, Operator::kRemainder},
    {"**", 12, Operator::kPower},
}};

constexpr std::array<std::pair<std::string_view, Operator>, 6> kUnaryOperators = {{
    {"!", Operator::kNot},
    {"-", Operator::kMinus},
    {"+", Operator::kPlus},
    {"~", Operator::kBitNot},
    {"typeof", Operator::kTypeof},
    {"void", Operator::kVoid},
}};

constexpr std::array<std::string_view, 38> kReserved = {
    "await",  "break", "case",       "catch",  "class",   "const",  "continue", "debugger", "default",  "delete",
    "do",     "else",  "enum",       "export", "extends", "false",  "finally",  "for",      "function", "if",
    "import", "in",    "instanceof", "new",    "null",    "return", "super",    "switch",   "this",     "throw",
    "true",   "try",   "typeof",     "var",    "void",    "while",  "with",     "yield"};

bool IsAssignment(const Token& token) {
  return token.kind == Token::Kind::kOperator && token.text.ends_with('=') && token.text != "==" &&
         token.text != "===" && token.text != "!=" && token.text != "!==" && token.text != "<=" && token.text != ">=";
}

const BinaryOperator* FindBinary(const Token& token) {
  if (token.kind != Token::Kind::kOperator && token.kind != Token::Kind::kName) return nullptr;
  const auto found = std::find_if(kBinaryOperators.begin(), kBinaryOperators.end(),
                                  [&](const BinaryOperator& one) { return one.text == token.text; });
  return found == kBinaryOperators.end() ? nullptr : &*found;
}

}  // namespace

bool IsReserved(std::string_view word) {
  return std::find(kReserved.begin(), kReserved.end(), word) != kReserved.end();
}

Status Parser::Nesting::Check() const {
  if (parser_.depth_ <= parser_.limits_.depth) return Status::OK();
  return LimitReached(parser_.Now().range, "the expression is nested too deeply, at most " +
                                               std::to_string(parser_.limits_.depth) + " levels");
}

bool Parser::Is(std::string_view text) const {
  return Now().kind == Token::Kind::kOperator && Now().text == text;
}
bool Parser::IsWord(std::string_view text) const {
  return Now().kind == Token::Kind::kName && Now().text == text;
}
bool Parser::Take(std::string_view text) {
  if (!Is(text)) return false;
  ++at_;
  return true;
}
bool Parser::TakeWord(std::string_view text) {
  if (!IsWord(text)) return false;
  ++at_;
  return true;
}

Status Parser::Expect(std::string_view text) {
  if (Take(text)) return Status::OK();
  return SyntaxError(Now().range, "'" + std::string(text) + "' is wanted here");
}

Status Parser::Unexpected() const {
  if (Now().kind == Token::Kind::kEnd) return SyntaxError(Now().range, "the expression ends too early");
  ARROW_RETURN_NOT_OK(RefuseAssignment());
  if (Now().kind == Token::Kind::kName && IsReserved(Now().text)) {
    return Refused(Now().range, "'" + std::string(Now().text) + "' is not part of an expression here");
  }
  if (Is(",")) return Refused(Now().range, "the comma operator is not supported");
  if (Is(";")) return Refused(Now().range, "one expression is wanted, without ';'");
  return SyntaxError(Now().range, "'" + std::string(Now().text) + "' does not fit here");
}

Status Parser::RefuseAssignment() const {
  if (Is("++") || Is("--")) return Refused(Now().range, "values never change here: write x + 1 instead of x++");
  if (!IsAssignment(Now())) return Status::OK();
  return Refused(Now().range, "values never change here: bind names with const in a function body, or as parameters");
}

Node* Parser::Make(Kind kind, size_t begin) {
  Node& node = program_.nodes.emplace_back();
  node.kind = kind;
  node.range = {.begin = begin, .end = at_ > 0 ? std::max(begin, tokens_[at_ - 1].range.end) : begin};
  return &node;
}

Node* Parser::Wrap(Kind kind, size_t begin, std::vector<const Node*> children) {
  Node* node = Make(kind, begin);
  node->children = std::move(children);
  return node;
}

Result<const Node*> Parser::Run() {
  ARROW_ASSIGN_OR_RAISE(const Node* root, Assignment());
  if (Now().kind != Token::Kind::kEnd) return Unexpected();
  return root;
}

Result<const Node*> Parser::Assignment() {
  const Nesting nesting(this);
  ARROW_RETURN_NOT_OK(nesting.Check());
  if (AtArrow()) return Arrow();
  ARROW_ASSIGN_OR_RAISE(const Node* node, Conditional());
  ARROW_RETURN_NOT_OK(RefuseAssignment());
  return node;
}

Result<const Node*> Parser::Conditional() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(const Node* condition, Binary(kCoalescePrecedence));
  if (!Take("?")) return condition;
  ARROW_ASSIGN_OR_RAISE(const Node* yes, Assignment());
  ARROW_RETURN_NOT_OK(Expect(":"));
  ARROW_ASSIGN_OR_RAISE(const Node* no, Assignment());
  return Wrap(Kind::kConditional, begin, {condition, yes, no});
}

Result<const Node*> Parser::Binary(int precedence) {
  const size_t begin = Now().range.begin;
  const bool parenthesis = Is("(");
  ARROW_ASSIGN_OR_RAISE(const Node* left, Unary());
  const Node* first = left;
  while (const BinaryOperator* found = FindBinary(Now())) {
    if (found->precedence < precedence) break;
    const Token& token = Now();
    ++at_;
    const bool power = found->operation == Operator::kPower;
    if (power && left == first && !parenthesis && left->kind == Kind::kUnary) {
      return SyntaxError(token.range, "-a ** b can be read in two ways; write (-a) ** b or -(a ** b)");
    }
    const bool right_parenthesis = Is("(");
    const Nesting nesting(this);
    ARROW_RETURN_NOT_OK(nesting.Check());
    ARROW_ASSIGN_OR_RAISE(const Node* right, Binary(found->precedence + (power ? 0 : 1)));
    const bool logical = found->precedence <= 3;
    const auto mixes = [&](const Node* side, bool safe) {
      const bool coalesce = found->operation == Operator::kCoalesce;
      return !safe && side->kind == Kind::kLogical && (side->operation == Operator::kCoalesce) != coalesce;
    };
    if (logical && (mixes(left, parenthesis && left == first) || mixes(right, right_parenthesis))) {
      return SyntaxError(token.range, "?\? beside || or && needs parentheses");
    }
    Node* node = Wrap(logical ? Kind::kLogical : Kind::kBinary, begin, {left, right});
    node->operation = found->operation;
    left = node;
  }
  return left;
}

Result<const Node*> Parser::Unary() {
  const size_t begin = Now().range.begin;
  if (Is("++") || Is("--")) return RefuseAssignment();
  if (IsWord("delete"))
    return Refused(Now().range, "delete changes a value: bind the rest, (({a, ...rest}) => rest)(x)");
  for (const auto& [text, operation] : kUnaryOperators) {
    if (!Is(text) && !IsWord(text)) continue;
    ++at_;
    const Nesting nesting(this);
    ARROW_RETURN_NOT_OK(nesting.Check());
    ARROW_ASSIGN_OR_RAISE(const Node* operand, Unary());
    Node* node = Wrap(Kind::kUnary, begin, {operand});
    node->operation = operation;
    return node;
  }
  return Postfix();
}

Result<const Node*> Parser::Postfix() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(const Node* node, IsWord("new") ? New() : Primary());
  bool chain = false;
  bool more = true;
  while (more) {
    ARROW_ASSIGN_OR_RAISE(node, Suffix(node, &more, &chain));
  }
  if (chain) node = Wrap(Kind::kChain, begin, {node});
  if (Is("++") || Is("--")) return RefuseAssignment();
  return node;
}

// One of .name ?.name [key] ?.[key] (arguments) ?.(arguments), if there is one.
Result<const Node*> Parser::Suffix(const Node* base, bool* more, bool* chain) {
  const size_t begin = base->range.begin;
  const bool optional = Take("?.");
  *chain = *chain || optional;
  *more = true;
  Node* node = nullptr;
  if (Take("[")) {
    ARROW_ASSIGN_OR_RAISE(const Node* key, Assignment());
    ARROW_RETURN_NOT_OK(Expect("]"));
    node = Wrap(Kind::kIndex, begin, {base, key});
  } else if (Take("(")) {
    ARROW_ASSIGN_OR_RAISE(std::vector<const Node*> children, Items(")"));
    children.insert(children.begin(), base);
    node = Wrap(Kind::kCall, begin, std::move(children));
  } else if (optional || Take(".")) {
    if (Now().kind != Token::Kind::kName) return SyntaxError(Now().range, "the name of a property is wanted here");
    const std::string_view name = Now().text;
    ++at_;
    node = Wrap(Kind::kMember, begin, {base});
    node->key = ToUtf16(name);
  } else {
    if (Now().kind == Token::Kind::kTemplate && Now().text == "`") {
      return Refused(Now().range, "tagged template strings are not supported");
    }
    *more = false;
    return base;
  }
  node->optional = optional;
  return node;
}

// The items of an array or call after its opening bracket.
Result<std::vector<const Node*>> Parser::Items(std::string_view close) {
  std::vector<const Node*> items;
  while (!Take(close)) {
    const size_t begin = Now().range.begin;
    if (Is(",")) return SyntaxError(Now().range, "a value is wanted before the ','");
    if (Take("...")) {
      ARROW_ASSIGN_OR_RAISE(const Node* spread, Assignment());
      items.push_back(Wrap(Kind::kSpread, begin, {spread}));
    } else {
      ARROW_ASSIGN_OR_RAISE(const Node* item, Assignment());
      items.push_back(item);
    }
    if (!Is(close)) ARROW_RETURN_NOT_OK(Expect(","));
  }
  return items;
}

Result<const Node*> Parser::Primary() {
  switch (Now().kind) {
    case Token::Kind::kNumber:
    case Token::Kind::kString: {
      const Value value = Now().value;
      const size_t begin = Now().range.begin;
      ++at_;
      Node* node = Make(Kind::kLiteral, begin);
      node->value = value;
      return node;
    }
    case Token::Kind::kTemplate:
      if (Now().text == "`") return TemplateString();
      return Unexpected();
    case Token::Kind::kRegex:
      return RegexLiteral();
    case Token::Kind::kName:
      return NameOrLiteral();
    default:
      break;
  }
  if (Is("[")) return ArrayLiteral();
  if (Is("{")) return ObjectLiteral();
  if (!Take("(")) return Unexpected();
  ARROW_ASSIGN_OR_RAISE(const Node* inner, Assignment());
  if (Is(",")) return Unexpected();
  ARROW_RETURN_NOT_OK(Expect(")"));
  return inner;
}

Result<const Node*> Parser::NameOrLiteral() {
  const std::string_view word = Now().text;
  const size_t begin = Now().range.begin;
  if (word == "function") return Refused(Now().range, "write an arrow function: (x) => x + 1");
  if (word == "this") return Refused(Now().range, "there is no 'this' here");
  const bool literal = word == "true" || word == "false" || word == "null";
  if (IsReserved(word) && !literal) return Unexpected();
  ++at_;
  Node* node = Make(literal ? Kind::kLiteral : Kind::kName, begin);
  node->name = word;
  if (literal) node->value = word == "null" ? Value::Null() : Value::Bool(word == "true");
  return node;
}

Result<const Node*> Parser::New() {
  const size_t begin = Now().range.begin;
  ++at_;
  if (Now().kind != Token::Kind::kName || IsReserved(Now().text)) return Unexpected();
  const std::string name(Now().text);
  ++at_;
  std::vector<const Node*> children;
  if (Take("(")) {
    ARROW_ASSIGN_OR_RAISE(children, Items(")"));
  }
  Node* node = Wrap(Kind::kNew, begin, std::move(children));
  node->name = name;
  if (name != "Date" && name != "Map" && name != "Set" && name != "RegExp" && name != "Array" && name != "Object") {
    return Refused(node->range, "new " + name + " is not supported; new Date, Map, Set, RegExp, Array and Object are");
  }
  return node;
}

Result<const Node*> Parser::TemplateString() {
  const size_t begin = Now().range.begin;
  std::vector<const Node*> children;
  while (true) {
    const bool open = Now().open;
    Node* text = Make(Kind::kLiteral, Now().range.begin);
    text->value = Now().value;
    children.push_back(text);
    ++at_;
    if (!open) break;
    ARROW_ASSIGN_OR_RAISE(const Node* value, Assignment());
    children.push_back(value);
    if (Now().kind != Token::Kind::kTemplate || Now().text != "}") return Unexpected();
  }
  return Wrap(Kind::kTemplate, begin, std::move(children));
}

Result<const Node*> Parser::RegexLiteral() {
  const Token& token = Now();
  const auto regex = MakeRegex(token.value.as_string(), token.text);
  if (!regex.ok()) return SyntaxError(token.range, regex.status().message());
  ++at_;
  Node* node = Make(Kind::kRegex, token.range.begin);
  node->value = *regex;
  return node;
}

Result<const Node*> Parser::ArrayLiteral() {
  const size_t begin = Now().range.begin;
  ++at_;
  ARROW_ASSIGN_OR_RAISE(std::vector<const Node*> items, Items("]"));
  return Wrap(Kind::kArray, begin, std::move(items));
}

Result<const Node*> Parser::ObjectLiteral() {
  const size_t begin = Now().range.begin;
  ++at_;
  std::vector<const Node*> children;
  while (!Take("}")) {
    ARROW_ASSIGN_OR_RAISE(const Node* property, Property());
    children.push_back(property);
    if (!Is("}")) ARROW_RETURN_NOT_OK(Expect(","));
  }
  return Wrap(Kind::kObject, begin, std::move(children));
}

Result<const Node*> Parser::Property() {
  const size_t begin = Now().range.begin;
  if (Take("...")) {
    ARROW_ASSIGN_OR_RAISE(const Node* spread, Assignment());
    return Wrap(Kind::kSpread, begin, {spread});
  }
  Node* property = Make(Kind::kProperty, begin);
  const Token& token = Now();
  const bool plain = token.kind == Token::Kind::kName && !IsReserved(token.text);
  ARROW_RETURN_NOT_OK(PropertyKey(property));
  property->range.end = tokens_[at_ - 1].range.end;
  if (Is("(")) return Refused(Now().range, "methods are not supported; write name: (x) => …");
  if (Take(":")) {
    if (property->children.empty() && property->key == u"__proto__") {
      return Refused(property->range, "__proto__ would set a prototype; there are none here");
    }
    ARROW_ASSIGN_OR_RAISE(const Node* value, Assignment());
    property->children.push_back(value);
    return property;
  }
  if (!plain) return Unexpected();
  Node* name = Make(Kind::kName, begin);
  name->name = token.text;
  property->children.push_back(name);
  return property;
}

Status Parser::PropertyKey(Node* property) {
  const Token& token = Now();
  if (Take("[")) {
    ARROW_ASSIGN_OR_RAISE(const Node* key, Assignment());
    property->children.push_back(key);
    return Expect("]");
  }
  switch (token.kind) {
    case Token::Kind::kName:
      property->key = ToUtf16(token.text);
      break;
    case Token::Kind::kString:
      property->key = token.value.as_string();
      break;
    case Token::Kind::kNumber:
      property->key = token.value.is_number() ? NumberToText(token.value.as_number()) : Widen(token.value.as_exact());
      break;
    default:
      return Unexpected();
  }
  ++at_;
  return Status::OK();
}

}  // namespace firn::expression::javascript
