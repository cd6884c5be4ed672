// Jinja's grammar: templates, statements and expressions.
#include <algorithm>

#include "expression/jinja/builtins.h"
#include "expression/jinja/expression_parser.h"
#include "expression/jinja/lexer.h"
#include "expression/jinja/object.h"
#include "expression/jinja/program.h"
#include "expression/node.h"

namespace firn::expression::jinja {
namespace {

using Kind = Node::Kind;

constexpr size_t kSourceBytesMax = 256 << 10;

class Parser : private ExpressionParser {
 public:
  Parser(Program* program, std::vector<Token> tokens) : ExpressionParser(program, std::move(tokens)) {}

  Status Template() {
    ARROW_ASSIGN_OR_RAISE(program_->body, Body({}));
    return Status::OK();
  }

 private:
  // Statements and text until a block that begins with one of `ends`, which stays current.
  Result<std::vector<NodeIndex>> Body(const Names& ends) {
    const Deeper deeper(&depth_);
    ARROW_RETURN_NOT_OK(CheckDepth());
    std::vector<NodeIndex> body;
    while (Now().kind != Token::Kind::kEnd) {
      const size_t begin = Now().range.begin;
      if (Now().kind == Token::Kind::kText) {
        Node node{.kind = Kind::kText, .literal = Now().value};
        ++at_;
        ARROW_ASSIGN_OR_RAISE(const NodeIndex text, Add(std::move(node), begin));
        body.push_back(text);
      } else if (Now().kind == Token::Kind::kVariableBegin) {
        ++at_;
        ARROW_ASSIGN_OR_RAISE(const NodeIndex value, Tuple(true, {}, false));
        ARROW_RETURN_NOT_OK(ExpectKind(Token::Kind::kVariableEnd, "'}}'"));
        ARROW_ASSIGN_OR_RAISE(const NodeIndex output, Add({.kind = Kind::kOutput, .children = {value}}, begin));
        body.push_back(output);
      } else {
        ++at_;  // {%
        if (std::any_of(ends.begin(), ends.end(), [&](auto name) { return IsName(name); })) return body;
        ARROW_RETURN_NOT_OK(Statement(begin, &body));
        ARROW_RETURN_NOT_OK(ExpectKind(Token::Kind::kBlockEnd, "'%}'"));
      }
    }
    if (!ends.empty()) return ErrorAt(Now().range, "'{% " + std::string(ends.back()) + " %}' is missing");
    return body;
  }

  // A block's body: the end of its tag, and what stands before one of `ends`.
  Result<std::vector<NodeIndex>> BlockBody(const Names& ends) {
    TakeOperator(":");
    ARROW_RETURN_NOT_OK(ExpectKind(Token::Kind::kBlockEnd, "'%}'"));
    return Body(ends);
  }

  Status Statement(size_t begin, std::vector<NodeIndex>* body) {
    if (Now().kind != Token::Kind::kName) return Wanted("a statement");
    const std::string_view word = Now().text;
    Result<NodeIndex> node = kNone;
    if (word == "if") {
      node = If(begin);
    } else if (word == "for") {
      node = For(begin);
    } else if (word == "set") {
      node = Set(begin);
    } else if (word == "with") {
      node = With(begin);
    } else if (word == "filter") {
      node = FilterBlock(begin);
    } else if (word == "print") {
      return Print(body);
    } else {
      return ErrorAt(Now().range, "statement '" + std::string(word) + "' is not supported");
    }
    ARROW_ASSIGN_OR_RAISE(const NodeIndex made, node);
    body->push_back(made);
    return Status::OK();
  }

  Status Print(std::vector<NodeIndex>* body) {
    ++at_;
    bool first = true;
    while (Now().kind != Token::Kind::kBlockEnd) {
      if (!first) ARROW_RETURN_NOT_OK(Expect(","));
      first = false;
      const size_t begin = Now().range.begin;
      ARROW_ASSIGN_OR_RAISE(const NodeIndex value, Expression());
      ARROW_ASSIGN_OR_RAISE(const NodeIndex output, Add({.kind = Kind::kOutput, .children = {value}}, begin));
      body->push_back(output);
    }
    return Status::OK();
  }

  Result<NodeIndex> If(size_t begin) {
    ++at_;
    Node node{.kind = Kind::kIf};
    ARROW_ASSIGN_OR_RAISE(const NodeIndex test, Tuple(false, {}, false));
    node.children = {test};
    ARROW_ASSIGN_OR_RAISE(node.body, BlockBody({"elif", "else", "endif"}));
    const size_t next = Now().range.begin;
    if (IsName("elif")) {
      ARROW_ASSIGN_OR_RAISE(const NodeIndex inner, If(next));
      node.otherwise = {inner};
      node.recursive = true;  // marks `elif`: Jinja sees names in it otherwise than in `else`
    } else if (TakeName("else")) {
      ARROW_ASSIGN_OR_RAISE(node.otherwise, BlockBody({"endif"}));
      ++at_;
    } else {
      ++at_;  // endif
    }
    return Add(std::move(node), begin);
  }

  Result<NodeIndex> For(size_t begin) {
    ++at_;
    program_->sets_names = true;
    Node node{.kind = Kind::kFor};
    ARROW_ASSIGN_OR_RAISE(const NodeIndex target, Target({"in"}));
    if (!TakeName("in")) return Wanted("'in'");
    ARROW_ASSIGN_OR_RAISE(const NodeIndex iterable, Tuple(false, {"recursive"}, false));
    NodeIndex condition = kNone;
    if (TakeName("if")) {
      ARROW_ASSIGN_OR_RAISE(condition, Expression());
    }
    if (IsName("recursive")) return ErrorAt(Now().range, "recursive loops are not supported");
    node.children = {target, iterable, condition};
    ARROW_ASSIGN_OR_RAISE(node.body, BlockBody({"endfor", "else"}));
    const bool otherwise = IsName("else");
    ++at_;
    if (otherwise) {
      ARROW_ASSIGN_OR_RAISE(node.otherwise, BlockBody({"endfor"}));
      ++at_;
    }
    return Add(std::move(node), begin);
  }

  Result<NodeIndex> Set(size_t begin) {
    ++at_;
    program_->sets_names = true;
    ARROW_ASSIGN_OR_RAISE(const NodeIndex target, Target({}, true));
    if (TakeOperator("=")) {
      ARROW_ASSIGN_OR_RAISE(const NodeIndex value, Tuple(true, {}, false));
      return Add({.kind = Kind::kSet, .children = {target, value}}, begin);
    }
    NodeIndex filter = kNone;
    while (TakeOperator("|")) {
      ARROW_ASSIGN_OR_RAISE(filter, FilterNode(filter, Now().range.begin));
    }
    Node node{.kind = Kind::kSetBlock, .children = {target, filter}};
    ARROW_ASSIGN_OR_RAISE(node.body, BlockBody({"endset"}));
    ++at_;
    return Add(std::move(node), begin);
  }

  Result<NodeIndex> With(size_t begin) {
    ++at_;
    program_->sets_names = true;
    Node node{.kind = Kind::kWith};
    while (Now().kind != Token::Kind::kBlockEnd) {
      if (!node.children.empty()) ARROW_RETURN_NOT_OK(Expect(","));
      ARROW_ASSIGN_OR_RAISE(const NodeIndex target, Target({}));
      ARROW_RETURN_NOT_OK(Expect("="));
      ARROW_ASSIGN_OR_RAISE(const NodeIndex value, Expression());
      node.children.push_back(target);
      node.children.push_back(value);
    }
    ARROW_ASSIGN_OR_RAISE(node.body, BlockBody({"endwith"}));
    ++at_;
    return Add(std::move(node), begin);
  }

  Result<NodeIndex> FilterBlock(size_t begin) {
    ++at_;
    NodeIndex filter = kNone;
    do {
      ARROW_ASSIGN_OR_RAISE(filter, FilterNode(filter, Now().range.begin));
    } while (TakeOperator("|"));
    Node node{.kind = Kind::kFilterBlock, .children = {filter}};
    program_->sets_names = true;
    ARROW_ASSIGN_OR_RAISE(node.body, BlockBody({"endfilter"}));
    ++at_;
    return Add(std::move(node), begin);
  }

  // Names, or tuples of them, that get a value.
  Result<NodeIndex> Target(const Names& ends, bool members = false) {
    const size_t begin = Now().range.begin;
    std::vector<NodeIndex> items;
    bool tuple = false;
    while (true) {
      if (!items.empty()) ARROW_RETURN_NOT_OK(Expect(","));
      const bool end = Now().kind == Token::Kind::kBlockEnd || IsOperator(")") || IsOperator("=") ||
                       std::any_of(ends.begin(), ends.end(), [&](auto name) { return IsName(name); });
      if (end && !items.empty()) break;
      ARROW_ASSIGN_OR_RAISE(const NodeIndex item, TargetItem(members));
      items.push_back(item);
      if (!IsOperator(",")) break;
      tuple = true;
    }
    if (!tuple) return items[0];
    return Add({.kind = Kind::kTuple, .children = std::move(items)}, begin);
  }

  Result<NodeIndex> TargetItem(bool members) {
    const size_t begin = Now().range.begin;
    if (TakeOperator("(")) {
      const Deeper deeper(&depth_);
      ARROW_RETURN_NOT_OK(CheckDepth());
      ARROW_ASSIGN_OR_RAISE(const NodeIndex inner, Target({}, members));
      ARROW_RETURN_NOT_OK(Expect(")"));
      return inner;
    }
    if (Now().kind != Token::Kind::kName) return Wanted("a name");
    const std::string name(Now().text);
    constexpr std::string_view kReserved[] = {"true", "false", "True", "False", "none", "None", "loop"};
    if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved)) {
      return ErrorAt(Now().range, "'" + name + "' cannot be set");
    }
    ++at_;
    if (members && TakeOperator(".")) {
      if (Now().kind != Token::Kind::kName) return Wanted("a name");
      Node node{.kind = Kind::kMember, .name = name, .literal = Value::String(Now().text)};
      ++at_;
      return Add(std::move(node), begin);
    }
    return Add({.kind = Kind::kName, .name = name}, begin);
  }
};

}  // namespace

Result<Program> ParseProgram(std::string_view source, const Limits& limits) {
  if (source.size() > kSourceBytesMax) return ErrorAt({0, source.size()}, "the template is longer than 256 KiB");
  Program program;
  program.source = NormalizeSource(source);
  program.original = source;
  program.limits = limits;
  program.forbidden = source.find("stream_state") != std::string_view::npos;
  ARROW_ASSIGN_OR_RAISE(std::vector<Token> tokens, Tokenize(program.source));
  ARROW_RETURN_NOT_OK(Parser(&program, std::move(tokens)).Template());
  program.literal =
      program.body.empty() || (program.body.size() == 1 && program.At(program.body[0]).kind == Kind::kText);
  if (program.literal) {
    program.plain = program.body.empty() ? Value::String("") : program.At(program.body[0]).literal;
  }
  ResolveNames(&program);
  if (program.externals.size() > kExternalsMax) return ErrorAt({0, source.size()}, "the template uses too many names");
  return program;
}

}  // namespace firn::expression::jinja
