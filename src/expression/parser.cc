// Text -> syntax tree. Grammar (Jinja's expressions, Jinja 3.1 "Expressions"), loosest first:
//   conditional: or [if or else conditional]     or: and {or and}      and: not {and not}     not: [not] comparison
//   comparison: concat {(== != < <= > >= in, not in) concat}           concat: sum {~ sum}    sum: term {(+ -) term}
//   term: unary {(* / // %) unary}               unary: [- +] postfix  postfix: primary {.name [i] (args) |filter is
//   test}
#include <algorithm>
#include <array>
#include <cctype>

#include "expression/decimal.h"
#include "expression/node.h"

namespace firn::expression {
namespace {

struct Token {
  enum class Kind { kEnd, kName, kNumber, kString, kOperator };
  Kind kind = Kind::kEnd;
  Range range;
  std::string text;  // of a string: unescaped
};

bool IsNameStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool IsNameChar(char c) {
  return IsNameStart(c) || (c >= '0' && c <= '9');
}

class Lexer {
 public:
  Lexer(std::string_view source, Range range) : source_(source), at_(range.begin), end_(range.end) {}

  Result<Token> Next() {
    while (at_ < end_ && std::isspace(static_cast<unsigned char>(source_[at_])) != 0) ++at_;
    Token token{.range = {at_, at_}};
    if (at_ >= end_) return token;
    const char c = source_[at_];
    if (c == '"' || c == '\'') return String(c);
    if (IsNameStart(c)) {
      token.kind = Token::Kind::kName;
      return Finish(std::move(token), [&](size_t i) { return IsNameChar(source_[i]); });
    }
    if (c >= '0' && c <= '9') return NumberToken();
    constexpr std::array<std::string_view, 22> kOperators = {"==", "!=", "<=", ">=", "//", "+", "-", "*",
                                                             "/",  "%",  "~",  "<",  ">",  "|", ".", ",",
                                                             ":",  "(",  ")",  "[",  "]",  "{"};
    token.kind = Token::Kind::kOperator;
    for (const std::string_view known : kOperators) {
      if (source_.substr(at_, std::min(known.size(), end_ - at_)) == known) return Take(std::move(token), known.size());
    }
    if (c == '}' || c == '=') return Take(std::move(token), 1);
    return ErrorAt({at_, at_ + 1}, "unexpected character");
  }

 private:
  Token Take(Token token, size_t size) {
    token.range.end = at_ + size;
    token.text.assign(source_.substr(at_, size));
    at_ += size;
    return token;
  }
  template <typename Pred>
  Token Finish(Token token, Pred more) {
    size_t end = at_;
    while (end < end_ && more(end)) ++end;
    return Take(std::move(token), end - at_);
  }

  Result<Token> NumberToken() {
    Token token{.kind = Token::Kind::kNumber, .range = {at_, at_}};
    const size_t begin = at_;
    token = Finish(std::move(token), [&](size_t i) {
      const char c = source_[i];
      const bool sign = (c == '+' || c == '-') && i > begin && (source_[i - 1] == 'e' || source_[i - 1] == 'E');
      return (c >= '0' && c <= '9') || c == '.' || c == 'e' || c == 'E' || sign;
    });
    if (!IsJsonNumber(token.text)) return ErrorAt(token.range, "malformed number");
    return token;
  }

  Result<Token> String(char quote) {
    Token token{.kind = Token::Kind::kString, .range = {at_, at_}};
    for (size_t i = at_ + 1; i < end_; ++i) {
      char c = source_[i];
      if (c == quote) {
        token.range.end = i + 1;
        at_ = i + 1;
        return token;
      }
      if (c == '\\' && i + 1 < end_) {
        c = source_[++i];
        constexpr std::string_view kFrom = "nrt0";
        constexpr std::string_view kTo{"\n\r\t\0", 4};
        if (const size_t known = kFrom.find(c); known != std::string_view::npos) {
          c = kTo[known];
        } else if (c != '\\' && c != '\'' && c != '"') {
          token.text.push_back('\\');  // as Python keeps it: '\d' stays two characters
        }
      }
      token.text.push_back(c);
    }
    return ErrorAt({at_, end_}, "the string does not end");
  }

  std::string_view source_;
  size_t at_;
  size_t end_;
};

using Kind = Node::Kind;

class Parser {
 public:
  Parser(std::string_view source, Range range, const Limits& limits)
      : lexer_(source, range), whole_(range), limits_(limits) {}

  Result<NodePtr> Parse() {
    ARROW_RETURN_NOT_OK(Advance());
    if (token_.kind == Token::Kind::kEnd) return ErrorAt(whole_, "the expression is empty");
    ARROW_ASSIGN_OR_RAISE(NodePtr node, Conditional());
    if (token_.kind != Token::Kind::kEnd) return ErrorAt(token_.range, "unexpected '" + Shown() + "'");
    return node;
  }

 private:
  Status Advance() {
    last_end_ = token_.range.end;
    ARROW_ASSIGN_OR_RAISE(token_, lexer_.Next());
    return Status::OK();
  }
  std::string Shown() const { return token_.kind == Token::Kind::kString ? "string" : token_.text; }
  bool Is(std::string_view op) const { return token_.kind == Token::Kind::kOperator && token_.text == op; }
  bool IsWord(std::string_view word) const { return token_.kind == Token::Kind::kName && token_.text == word; }
  Status Expect(std::string_view op) {
    if (!Is(op)) return ErrorAt(token_.range, "'" + std::string(op) + "' is missing here");
    return Advance();
  }
  Result<NodePtr> Make(Kind kind, size_t begin, std::string name, std::vector<NodePtr> children, Value literal = {}) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->range = {begin, last_end_};
    node->name = std::move(name);
    node->children = std::move(children);
    node->literal = std::move(literal);
    return node;
  }

  // Guards every way the grammar can nest.
  class Deeper {
   public:
    explicit Deeper(int32_t* depth) : depth_(depth) { ++*depth_; }
    ~Deeper() { --*depth_; }

   private:
    int32_t* depth_;
  };

  Result<NodePtr> Conditional() {
    const Deeper deeper(&depth_);
    if (depth_ > limits_.depth) return ErrorAt(token_.range, "nested too deeply");
    const size_t begin = token_.range.begin;
    ARROW_ASSIGN_OR_RAISE(NodePtr value, Or());
    if (!IsWord("if")) return value;
    ARROW_RETURN_NOT_OK(Advance());
    ARROW_ASSIGN_OR_RAISE(NodePtr condition, Or());
    NodePtr otherwise;
    if (IsWord("else")) {
      ARROW_RETURN_NOT_OK(Advance());
      ARROW_ASSIGN_OR_RAISE(otherwise, Conditional());
    } else {
      ARROW_ASSIGN_OR_RAISE(otherwise, Make(Kind::kLiteral, begin, "", {}, Value::String("")));
    }
    return Make(Kind::kConditional, begin, "", {condition, value, otherwise});
  }

  template <typename Next, typename Match>
  Result<NodePtr> LeftAssociative(Next next, Match match) {
    const size_t begin = token_.range.begin;
    ARROW_ASSIGN_OR_RAISE(NodePtr left, (this->*next)());
    int32_t links = 0;  // a long chain nests the tree on its left
    while (true) {
      const std::string op = match();
      if (op.empty()) return left;
      if (++links > kChainMax) return ErrorAt(token_.range, "too many operators in a row");
      ARROW_RETURN_NOT_OK(Advance());
      if (op == "not in") ARROW_RETURN_NOT_OK(Advance());
      ARROW_ASSIGN_OR_RAISE(NodePtr right, (this->*next)());
      ARROW_ASSIGN_OR_RAISE(left, Make(Kind::kBinary, begin, op, {left, right}));
    }
  }

  template <size_t N>
  std::string OneOf(const std::array<std::string_view, N>& operators) const {
    const bool found = token_.kind == Token::Kind::kOperator &&
                       std::find(operators.begin(), operators.end(), token_.text) != operators.end();
    return found ? token_.text : "";
  }

  Result<NodePtr> Or() {
    return LeftAssociative(&Parser::And, [&] { return std::string(IsWord("or") ? "or" : ""); });
  }
  Result<NodePtr> And() {
    return LeftAssociative(&Parser::Not, [&] { return std::string(IsWord("and") ? "and" : ""); });
  }
  Result<NodePtr> Not() {
    const Deeper deeper(&depth_);
    if (depth_ > limits_.depth) return ErrorAt(token_.range, "nested too deeply");
    const size_t begin = token_.range.begin;
    if (!IsWord("not")) return Comparison();
    ARROW_RETURN_NOT_OK(Advance());
    ARROW_ASSIGN_OR_RAISE(NodePtr operand, Not());
    return Make(Kind::kUnary, begin, "not", {operand});
  }
  Result<NodePtr> Comparison() {
    return LeftAssociative(&Parser::Concat, [&]() -> std::string {
      constexpr std::array<std::string_view, 6> kOperators = {"==", "!=", "<", "<=", ">", ">="};
      if (IsWord("in")) return "in";
      if (IsWord("not")) return "not in";
      return OneOf(kOperators);
    });
  }
  Result<NodePtr> Concat() {
    return LeftAssociative(&Parser::Sum, [&] { return OneOf(std::array<std::string_view, 1>{"~"}); });
  }
  Result<NodePtr> Sum() {
    return LeftAssociative(&Parser::Term, [&] { return OneOf(std::array<std::string_view, 2>{"+", "-"}); });
  }
  Result<NodePtr> Term() {
    return LeftAssociative(&Parser::Unary, [&] { return OneOf(std::array<std::string_view, 4>{"*", "/", "//", "%"}); });
  }

  Result<NodePtr> Unary() {
    const Deeper deeper(&depth_);
    if (depth_ > limits_.depth) return ErrorAt(token_.range, "nested too deeply");
    const size_t begin = token_.range.begin;
    if (!Is("-") && !Is("+")) return Postfix();
    const std::string op = token_.text;
    ARROW_RETURN_NOT_OK(Advance());
    ARROW_ASSIGN_OR_RAISE(NodePtr operand, Unary());
    return Make(Kind::kUnary, begin, op, {operand});
  }

  Result<NodePtr> Postfix() {
    const size_t begin = token_.range.begin;
    ARROW_ASSIGN_OR_RAISE(NodePtr node, Primary());
    for (int32_t links = 0; links < kChainMax; ++links) {
      if (Is(".")) {
        ARROW_ASSIGN_OR_RAISE(node, Attribute(begin, node));
      } else if (Is("[")) {
        ARROW_ASSIGN_OR_RAISE(node, Index(begin, node));
      } else if (Is("|")) {
        ARROW_ASSIGN_OR_RAISE(node, Filter(begin, node));
      } else if (IsWord("is")) {
        ARROW_ASSIGN_OR_RAISE(node, Test(begin, node));
      } else {
        return node;
      }
    }
    return ErrorAt(token_.range, "too many operators in a row");
  }

  Result<std::string> Name(const char* what) {
    if (token_.kind != Token::Kind::kName) return ErrorAt(token_.range, std::string(what) + " is missing here");
    std::string name = token_.text;
    ARROW_RETURN_NOT_OK(Advance());
    return name;
  }

  Result<NodePtr> Attribute(size_t begin, NodePtr object) {
    ARROW_RETURN_NOT_OK(Advance());
    const Range range = token_.range;
    ARROW_ASSIGN_OR_RAISE(std::string name, Name("an attribute name"));
    if (!Is("(")) return Make(Kind::kAttribute, begin, std::move(name), {std::move(object)});
    if (!IsMethod(name)) return ErrorAt(range, "unknown method '" + name + "'");
    return Arguments(Kind::kMethod, begin, std::move(name), {std::move(object)});
  }

  Result<NodePtr> Index(size_t begin, NodePtr object) {
    ARROW_RETURN_NOT_OK(Advance());
    ARROW_ASSIGN_OR_RAISE(NodePtr none, Make(Kind::kLiteral, begin, "", {}));
    NodePtr from = none;
    if (!Is(":")) {
      ARROW_ASSIGN_OR_RAISE(from, Conditional());
    }
    if (!Is(":")) {
      ARROW_RETURN_NOT_OK(Expect("]"));
      return Make(Kind::kIndex, begin, "", {std::move(object), std::move(from)});
    }
    ARROW_RETURN_NOT_OK(Advance());
    NodePtr to = none;
    if (!Is("]")) {
      ARROW_ASSIGN_OR_RAISE(to, Conditional());
    }
    ARROW_RETURN_NOT_OK(Expect("]"));
    return Make(Kind::kSlice, begin, "", {std::move(object), std::move(from), std::move(to)});
  }

  Result<NodePtr> Filter(size_t begin, NodePtr input) {
    ARROW_RETURN_NOT_OK(Advance());
    const Range range = token_.range;
    ARROW_ASSIGN_OR_RAISE(std::string name, Name("a filter name"));
    if (!IsFilter(name)) return ErrorAt(range, "unknown filter '" + name + "'");
    if (Is("(")) return Arguments(Kind::kFilter, begin, std::move(name), {std::move(input)});
    return Make(Kind::kFilter, begin, std::move(name), {std::move(input)});
  }

  Result<NodePtr> Test(size_t begin, NodePtr input) {
    ARROW_RETURN_NOT_OK(Advance());
    const bool negated = IsWord("not");
    if (negated) ARROW_RETURN_NOT_OK(Advance());
    const Range range = token_.range;
    ARROW_ASSIGN_OR_RAISE(std::string name, Name("the name of a test"));
    if (!IsTest(name)) return ErrorAt(range, "unknown test '" + name + "'");
    return Make(Kind::kTest, begin, std::move(name), {std::move(input)}, Value::Bool(negated));
  }

  Result<NodePtr> Arguments(Kind kind, size_t begin, std::string name, std::vector<NodePtr> children) {
    ARROW_RETURN_NOT_OK(Expect("("));
    while (!Is(")")) {
      ARROW_ASSIGN_OR_RAISE(NodePtr argument, Conditional());
      if (Is("=")) return ErrorAt(token_.range, "arguments are given by place, not by name");
      children.push_back(std::move(argument));
      if (!Is(",")) break;
      ARROW_RETURN_NOT_OK(Advance());
    }
    ARROW_RETURN_NOT_OK(Expect(")"));
    return Make(kind, begin, std::move(name), std::move(children));
  }

  Result<NodePtr> Literal(Value value) {
    const size_t begin = token_.range.begin;
    ARROW_RETURN_NOT_OK(Advance());
    return Make(Kind::kLiteral, begin, "", {}, std::move(value));
  }

  Result<NodePtr> Primary() {
    switch (token_.kind) {
      case Token::Kind::kNumber:
        return Literal(Value::NumberText(token_.text));
      case Token::Kind::kString:
        return Literal(Value::String(token_.text));
      case Token::Kind::kName:
        return NameOrCall();
      case Token::Kind::kEnd:
        return ErrorAt({last_end_, whole_.end}, "the expression ends too early");
      case Token::Kind::kOperator:
        break;
    }
    const size_t begin = token_.range.begin;
    if (Is("(")) {
      ARROW_RETURN_NOT_OK(Advance());
      ARROW_ASSIGN_OR_RAISE(NodePtr inner, Conditional());
      ARROW_RETURN_NOT_OK(Expect(")"));
      return inner;
    }
    if (Is("[")) return Sequence(begin);
    if (Is("{")) return MapLiteral(begin);
    return ErrorAt(token_.range, "unexpected '" + Shown() + "'");
  }

  Result<NodePtr> NameOrCall() {
    const Token name = token_;
    if (name.text == "true" || name.text == "True") return Literal(Value::Bool(true));
    if (name.text == "false" || name.text == "False") return Literal(Value::Bool(false));
    if (name.text == "none" || name.text == "None" || name.text == "null") return Literal(Value::Null());
    constexpr std::array<std::string_view, 7> kWords = {"if", "else", "and", "or", "not", "in", "is"};
    if (std::find(kWords.begin(), kWords.end(), name.text) != kWords.end()) {
      return ErrorAt(name.range, "unexpected '" + name.text + "'");
    }
    ARROW_RETURN_NOT_OK(Advance());
    if (!Is("(")) return Make(Kind::kName, name.range.begin, name.text, {});
    if (!IsFunction(name.text)) return ErrorAt(name.range, "unknown function '" + name.text + "'");
    return Arguments(Kind::kCall, name.range.begin, name.text, {});
  }

  Result<NodePtr> Sequence(size_t begin) {
    ARROW_RETURN_NOT_OK(Advance());
    std::vector<NodePtr> items;
    while (!Is("]")) {
      ARROW_ASSIGN_OR_RAISE(NodePtr item, Conditional());
      items.push_back(std::move(item));
      if (!Is(",")) break;
      ARROW_RETURN_NOT_OK(Advance());
    }
    ARROW_RETURN_NOT_OK(Expect("]"));
    return Make(Kind::kList, begin, "", std::move(items));
  }

  Result<NodePtr> MapLiteral(size_t begin) {
    ARROW_RETURN_NOT_OK(Advance());
    std::vector<NodePtr> items;
    while (!Is("}")) {
      ARROW_ASSIGN_OR_RAISE(NodePtr key, Conditional());
      ARROW_RETURN_NOT_OK(Expect(":"));
      ARROW_ASSIGN_OR_RAISE(NodePtr value, Conditional());
      items.push_back(std::move(key));
      items.push_back(std::move(value));
      if (!Is(",")) break;
      ARROW_RETURN_NOT_OK(Advance());
    }
    ARROW_RETURN_NOT_OK(Expect("}"));
    return Make(Kind::kMap, begin, "", std::move(items));
  }

  static constexpr int32_t kChainMax = 200;
  Lexer lexer_;
  Range whole_;
  const Limits& limits_;
  Token token_;
  size_t last_end_ = 0;
  int32_t depth_ = 0;
};

}  // namespace

Result<NodePtr> ParseNode(std::string_view source, Range range, const Limits& limits) {
  return Parser(source, range, limits).Parse();
}

}  // namespace firn::expression
