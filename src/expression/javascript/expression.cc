#include "expression/javascript/expression.h"

#include "expression/javascript/errors.h"
#include "expression/javascript/evaluator.h"
#include "expression/javascript/parser.h"
#include "expression/javascript/program.h"

namespace firn::expression::javascript {

constexpr size_t kSourceBytesMax = 1 << 20;

Result<Expression> Expression::Parse(std::string_view source, const Limits& limits) {
  if (source.size() > kSourceBytesMax) return LimitReached({}, "an expression has at most 1 MiB");
  auto program = std::make_shared<Program>();
  program->source = source;
  ARROW_ASSIGN_OR_RAISE(std::vector<Token> tokens, Tokenize(program->source));
  ARROW_ASSIGN_OR_RAISE(program->root, Parser(std::move(tokens), limits, program.get()).Run());
  return Expression(std::move(program));
}

Result<Value> Expression::Evaluate(const Scope& scope, const Limits& limits) const {
  return Evaluator(scope, limits).Run(*program_->root);
}

const std::string& Expression::source() const {
  return program_->source;
}

}  // namespace firn::expression::javascript
