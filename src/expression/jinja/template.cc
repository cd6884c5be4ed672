#include "expression/jinja/template.h"

#include <algorithm>
#include <cmath>

#include "expression/jinja/evaluator.h"
#include "expression/node.h"

namespace firn::expression::jinja {

size_t Scope::Place(std::string_view name) const {
  if (name == "stream_partition" || name == "stream_interval") name = "stream_slice";
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i].name == name) return i;
  }
  return kAbsent;
}

void Scope::Set(std::string_view name, Value value) {
  const size_t place = Place(name);
  if (place == kAbsent) {
    names_.push_back({.name = name, .value = std::move(value), .make = nullptr});
  } else {
    names_[place].value = std::move(value);
    if (names_[place].make) names_[place].make = nullptr;
  }
}

void Scope::SetLazy(std::string_view name, std::function<Result<Value>()> make) {
  Set(name, Value());
  names_[Place(name)].make = std::move(make);
}

void Scope::Remove(std::string_view name) {
  const size_t place = Place(name);
  if (place != kAbsent) names_.erase(names_.begin() + static_cast<int64_t>(place));
}

Result<Value> Scope::Get(std::string_view name) const {
  const Name& found = names_[Place(name)];
  if (found.make) {
    ARROW_ASSIGN_OR_RAISE(found.value, std::exchange(found.make, nullptr)());
  }
  return found.value;
}

namespace {

// What one rendering came to.
enum class Outcome {
  kText,
  kStatic,     // Python raised TypeError: the template's own text stands for the result
  kUndefined,  // Python raised UndefinedError
};

struct Rendered {
  Outcome outcome = Outcome::kText;
  Value value;  // of kText: a string, or a value that would read back as itself
  Status undefined;
};

// Deeper values take the way over their text, which has a limit of its own.
constexpr int kReadsBackDepthMax = 50;

// True for values whose text reads back as the same value, so that both ways can be saved.
bool ReadsBack(const Value& value, int depth) {
  switch (value.kind()) {
    case Value::Kind::kNull:
    case Value::Kind::kBool:
    case Value::Kind::kInt:
      return true;
    case Value::Kind::kFloat:
      return std::isfinite(value.as_float());
    case Value::Kind::kString:
      return depth > 0 && !IsMarkup(value);  // alone it is no literal but its own text
    case Value::Kind::kList:
    case Value::Kind::kTuple:
      return depth < kReadsBackDepthMax && std::all_of(
                                               value.as_list().begin(), value.as_list().end(),
                                               [&](const Value& item) { return ReadsBack(item, depth + 1); });
    case Value::Kind::kMap: {
      const MapObject& map = ValueAccess::MapOf(value);
      if (depth >= kReadsBackDepthMax || map.lazy != nullptr || map.attributes.is_map()) return false;
      return std::all_of(map.entries.begin(), map.entries.end(), [&](const auto& entry) {
        return ReadsBack(entry.first, depth + 1) && ReadsBack(entry.second, depth + 1);
      });
    }
    default:
      return false;
  }
}

Result<Rendered> RenderOnce(const Program& program, const Scope& scope) {
  if (program.literal) return Rendered{.value = program.plain};
  Evaluator run(program, scope);
  ARROW_RETURN_NOT_OK(run.Begin());
  Rendered rendered;
  const Node& first = program.At(program.body[0]);
  Status status;
  if (program.body.size() == 1 && first.kind == Node::Kind::kOutput) {
    auto value = run.EvalOutput(first.children[0]);
    if (value.ok()) {
      const bool keep = value->is_string() || ReadsBack(*value, 0);
      rendered.value = keep ? *std::move(value) : MakeString(ToText(*value));
      if (IsMarkup(rendered.value)) rendered.value = Value::String(rendered.value.as_string());
    } else {
      status = value.status();
    }
  } else {
    std::string text;
    status = run.Render(&text);
    if (status.ok()) rendered.value = MakeString(std::move(text));
  }
  if (status.ok()) {
    rendered.value = run.secret() ? rendered.value.WithSecret(true) : std::move(rendered.value);
    return rendered;
  }
  if (run.raised() == Raised::kType) {
    rendered.outcome = Outcome::kStatic;
    rendered.value = Value::String(program.original);
    return rendered;
  }
  if (run.raised() != Raised::kUndefined) return status;
  rendered.outcome = Outcome::kUndefined;
  rendered.undefined = std::move(status);
  return rendered;
}

bool Allowed(const Value& value, uint32_t types) {
  if (types == kAnyType) return true;
  switch (value.kind()) {
    case Value::Kind::kString:
      return (types & kStringType) != 0;
    case Value::Kind::kInt:
    case Value::Kind::kBigInt:
      return (types & kIntType) != 0;
    case Value::Kind::kBool:
      return (types & (kBoolType | kIntType)) != 0;
    case Value::Kind::kFloat:
      return (types & kFloatType) != 0;
    case Value::Kind::kList:
      return (types & kListType) != 0;
    case Value::Kind::kMap:
      return (types & kMapType) != 0;
    case Value::Kind::kTuple:
      return (types & kTupleType) != 0;
    case Value::Kind::kBytes:
      return (types & kBytesType) != 0;
    case Value::Kind::kNull:
      return (types & kNullType) != 0;
    default:
      return false;
  }
}

Value Literal(const Value& rendered, uint32_t types) {
  if (!rendered.is_string())
    return Allowed(rendered, types) ? rendered : MakeString(ToText(rendered)).WithSecret(rendered.secret());
  auto value = ReadLiteral(rendered.as_string());
  if (!value || !Allowed(*value, types)) return rendered;
  return rendered.secret() ? value->WithSecret(true) : *std::move(value);
}

Status CheckForbidden(const Program& program) {
  if (!program.forbidden) return Status::OK();
  const size_t at = std::min(program.source.find("stream_state"), program.source.size());
  return ErrorAt({at, std::min(at + 12, program.source.size())},
                 "'stream_state' cannot be used in expressions; use 'stream_interval'");
}

bool Empty(const Value& rendered) {
  return rendered.is_string() && rendered.as_string().empty();
}

}  // namespace

Result<Template> Template::Parse(std::string_view source, Limits limits) {
  ARROW_ASSIGN_OR_RAISE(Program program, ParseProgram(source, limits));
  return Template(std::make_shared<const Program>(std::move(program)));
}

Result<Value> Template::Evaluate(const Scope& scope, uint32_t types) const {
  ARROW_RETURN_NOT_OK(CheckForbidden(*program_));
  ARROW_ASSIGN_OR_RAISE(const Rendered rendered, RenderOnce(*program_, scope));
  if (rendered.outcome == Outcome::kUndefined || Empty(rendered.value)) return Value::Null();
  return Literal(rendered.value, types);
}

Result<Value> Template::EvaluateString(const Scope& scope, uint32_t types) const {
  ARROW_RETURN_NOT_OK(CheckForbidden(*program_));
  ARROW_ASSIGN_OR_RAISE(const Rendered rendered, RenderOnce(*program_, scope));
  // The default is the template itself, so what is undefined fails again.
  if (rendered.outcome == Outcome::kUndefined) return rendered.undefined;
  return Literal(rendered.value, types);
}

Result<bool> Template::EvaluateBoolean(const Scope& scope) const {
  ARROW_RETURN_NOT_OK(CheckForbidden(*program_));
  ARROW_ASSIGN_OR_RAISE(const Rendered rendered, RenderOnce(*program_, scope));
  if (rendered.outcome == Outcome::kUndefined || Empty(rendered.value)) return false;
  const Value value = Literal(rendered.value, kAnyType);
  switch (value.kind()) {
    case Value::Kind::kNull:
    case Value::Kind::kBytes:
    case Value::Kind::kEllipsis:
      return true;
    case Value::Kind::kString:
      for (const char* falsy : {"False", "false", "{}", "[]", "()", "", "0", "0.0"}) {
        if (value.as_string() == falsy) return false;
      }
      return true;
    default:
      return Truthy(value);
  }
}

Result<std::string> Template::Render(const Scope& scope) const {
  if (program_->literal) return std::string(program_->plain.as_string());
  Evaluator run(*program_, scope);
  ARROW_RETURN_NOT_OK(run.Begin());
  std::string text;
  ARROW_RETURN_NOT_OK(run.Render(&text));
  return text;
}

bool Template::is_literal() const {
  return program_->literal;
}
const std::string& Template::source() const {
  return program_->original;
}
const std::vector<std::string>& Template::names() const {
  return program_->undeclared;
}

}  // namespace firn::expression::jinja
