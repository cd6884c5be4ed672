// Arrow functions: parameters, patterns, and bodies of const, if and return.
#include "expression/javascript/errors.h"
#include "expression/javascript/parser.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {

using Kind = Node::Kind;

bool Parser::AtArrow() const {
  const auto arrow_at = [&](size_t index) {
    return index < tokens_.size() && tokens_[index].kind == Token::Kind::kOperator && tokens_[index].text == "=>";
  };
  if (Now().kind == Token::Kind::kName) return arrow_at(at_ + 1);
  return Is("(") && arrow_at(Now().match + 1);
}

Result<const Node*> Parser::Arrow() {
  const size_t begin = Now().range.begin;
  std::vector<const Node*> children;
  if (Take("(")) {
    while (!Take(")")) {
      const size_t parameter = Now().range.begin;
      if (Take("...")) {
        ARROW_ASSIGN_OR_RAISE(const Node* rest, Pattern());
        children.push_back(Wrap(Kind::kRest, parameter, {rest}));
        ARROW_RETURN_NOT_OK(Expect(")"));
        break;
      }
      ARROW_ASSIGN_OR_RAISE(const Node* pattern, PatternWithDefault());
      children.push_back(pattern);
      if (!Is(")")) ARROW_RETURN_NOT_OK(Expect(","));
    }
  } else {
    ARROW_ASSIGN_OR_RAISE(const Node* name, BindingName());
    children.push_back(name);
  }
  ARROW_RETURN_NOT_OK(Expect("=>"));
  ARROW_ASSIGN_OR_RAISE(const Node* body, Is("{") ? Block() : Assignment());
  children.push_back(body);
  return Wrap(Kind::kArrow, begin, std::move(children));
}

Result<const Node*> Parser::BindingName() {
  if (Now().kind != Token::Kind::kName || IsReserved(Now().text) || Now().text == "let") {
    return SyntaxError(Now().range, "a name is wanted here");
  }
  const Token& token = Now();
  ++at_;
  Node* node = Make(Kind::kBindName, token.range.begin);
  node->name = token.text;
  return node;
}

Result<const Node*> Parser::Pattern() {
  const Nesting nesting(this);
  ARROW_RETURN_NOT_OK(nesting.Check());
  if (Is("[")) return ArrayPattern();
  if (Is("{")) return ObjectPattern();
  return BindingName();
}

Result<const Node*> Parser::PatternWithDefault() {
  const size_t begin = Now().range.begin;
  ARROW_ASSIGN_OR_RAISE(const Node* pattern, Pattern());
  if (!Take("=")) return pattern;
  ARROW_ASSIGN_OR_RAISE(const Node* value, Assignment());
  return Wrap(Kind::kDefault, begin, {pattern, value});
}

Result<const Node*> Parser::ArrayPattern() {
  const size_t begin = Now().range.begin;
  ++at_;
  std::vector<const Node*> children;
  while (!Take("]")) {
    const size_t item = Now().range.begin;
    if (Take(",")) {
      children.push_back(nullptr);
      continue;
    }
    if (Take("...")) {
      ARROW_ASSIGN_OR_RAISE(const Node* rest, Pattern());
      children.push_back(Wrap(Kind::kRest, item, {rest}));
      ARROW_RETURN_NOT_OK(Expect("]"));
      break;
    }
    ARROW_ASSIGN_OR_RAISE(const Node* pattern, PatternWithDefault());
    children.push_back(pattern);
    if (!Is("]")) ARROW_RETURN_NOT_OK(Expect(","));
  }
  return Wrap(Kind::kBindArray, begin, std::move(children));
}

Result<const Node*> Parser::ObjectPattern() {
  const size_t begin = Now().range.begin;
  ++at_;
  std::vector<const Node*> children;
  while (!Take("}")) {
    const size_t item = Now().range.begin;
    if (Take("...")) {
      ARROW_ASSIGN_OR_RAISE(const Node* rest, BindingName());
      children.push_back(Wrap(Kind::kRest, item, {rest}));
      ARROW_RETURN_NOT_OK(Expect("}"));
      break;
    }
    Node* property = Make(Kind::kProperty, item);
    const size_t key = at_;
    ARROW_RETURN_NOT_OK(PropertyKey(property));
    if (Take(":")) {
      ARROW_ASSIGN_OR_RAISE(const Node* pattern, PatternWithDefault());
      property->children.push_back(pattern);
    } else {
      at_ = key;  // {name} and {name = default}: the key is the name too
      ARROW_ASSIGN_OR_RAISE(const Node* pattern, Is("[") ? BindingName() : PatternWithDefault());
      property->children.push_back(pattern);
    }
    children.push_back(property);
    if (!Is("}")) ARROW_RETURN_NOT_OK(Expect(","));
  }
  return Wrap(Kind::kBindObject, begin, std::move(children));
}

Result<const Node*> Parser::Block() {
  const Nesting nesting(this);
  ARROW_RETURN_NOT_OK(nesting.Check());
  Node* block = Make(Kind::kBlock, Now().range.begin);
  ARROW_RETURN_NOT_OK(Expect("{"));
  while (!Take("}")) ARROW_RETURN_NOT_OK(Statement(block));
  block->range.end = tokens_[at_ - 1].range.end;
  return block;
}

Status Parser::Statement(Node* block) {
  const size_t begin = Now().range.begin;
  if (Take(";")) return Status::OK();
  if (IsWord("const") || IsWord("let")) return Declaration(block);
  if (Is("{")) {
    ARROW_ASSIGN_OR_RAISE(const Node* inner, Block());
    block->children.push_back(inner);
    return Status::OK();
  }
  if (IsWord("if")) {
    ARROW_ASSIGN_OR_RAISE(const Node* choice, If());
    block->children.push_back(choice);
    return Status::OK();
  }
  if (!TakeWord("return")) {
    return Refused(Now().range, "a function body has const, let, if and return only");
  }
  std::vector<const Node*> children;
  if (!Is(";") && !Is("}") && !Now().newline) {
    ARROW_ASSIGN_OR_RAISE(const Node* value, Assignment());
    children.push_back(value);
  }
  block->children.push_back(Wrap(Kind::kReturn, begin, std::move(children)));
  if (!Take(";") && !Is("}") && !Now().newline) return Unexpected();
  return Status::OK();
}

Status Parser::Declaration(Node* block) {
  ++at_;
  do {
    const size_t begin = Now().range.begin;
    ARROW_ASSIGN_OR_RAISE(const Node* pattern, Pattern());
    ARROW_RETURN_NOT_OK(Expect("="));
    ARROW_ASSIGN_OR_RAISE(const Node* value, Assignment());
    block->children.push_back(Wrap(Kind::kDeclare, begin, {pattern, value}));
  } while (Take(","));
  if (!Take(";") && !Is("}") && !Now().newline) return Unexpected();
  return Status::OK();
}

Result<const Node*> Parser::If() {
  const Nesting nesting(this);
  ARROW_RETURN_NOT_OK(nesting.Check());
  const size_t begin = Now().range.begin;
  ++at_;
  ARROW_RETURN_NOT_OK(Expect("("));
  ARROW_ASSIGN_OR_RAISE(const Node* condition, Assignment());
  ARROW_RETURN_NOT_OK(Expect(")"));
  std::vector<const Node*> children{condition};
  do {
    Node* branch = Make(Kind::kBlock, Now().range.begin);
    ARROW_RETURN_NOT_OK(Statement(branch));
    children.push_back(branch);
  } while (children.size() < 3 && TakeWord("else"));
  return Wrap(Kind::kIf, begin, std::move(children));
}

}  // namespace firn::expression::javascript
