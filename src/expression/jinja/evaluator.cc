#include "expression/jinja/evaluator.h"

#include <algorithm>

#include "expression/jinja/builtins.h"
#include "expression/node.h"

namespace firn::expression::jinja {
namespace {

using Kind = Node::Kind;

constexpr uint16_t kAbsent = 0xFFFF;

}  // namespace

Status Call::TypeError(std::string message) const {
  return run.Raise(Raised::kType, node.range, std::move(message));
}
Status Call::ValueError(std::string message) const {
  return run.Raise(Raised::kOther, node.range, std::move(message));
}

Result<int64_t> Call::Integer(size_t i, int64_t otherwise) const {
  if (!Has(i)) return otherwise;
  if (At(i).kind() == Value::Kind::kInt || At(i).kind() == Value::Kind::kBool) return At(i).as_int();
  if (At(i).kind() == Value::Kind::kBigInt) return ValueError("the integer is too large");
  return TypeError("'" + std::string(TypeName(At(i))) + "' object cannot be interpreted as an integer");
}

Result<std::string_view> Call::Text(size_t i, std::string_view otherwise) const {
  if (!Has(i)) return otherwise;
  if (At(i).is_string()) return At(i).as_string();
  return TypeError("a string is wanted, not '" + std::string(TypeName(At(i))) + "'");
}

Status Evaluator::Raise(Raised raised, Range range, std::string message) {
  raised_ = raised;
  return ErrorAt(range, std::move(message));
}

Value Evaluator::MakeUndefined(const Node& node) const {
  return ValueAccess::WithUpper(Value(), static_cast<uint32_t>(&node - program_.nodes.data() + 1));
}

Status Evaluator::UndefinedError(const Value& undefined, Range range) {
  const uint32_t place = ValueAccess::Upper(undefined);
  if (place > 0 && place <= program_.nodes.size()) range = program_.nodes[place - 1].range;
  const std::string text = program_.source.substr(range.begin, range.end - range.begin);
  if (ValueAccess::Has(undefined, ValueAccess::kUnsafeBit)) {
    return Raise(Raised::kOther, range, "access to '" + text + "' is not allowed");
  }
  return Raise(Raised::kUndefined, range, "'" + text + "' is undefined");
}

Status Evaluator::Spend(const Node& node, size_t bytes) {
  fuel_ -= static_cast<int64_t>(bytes / 16) + 1;
  if (fuel_ < 0) return Raise(Raised::kOther, node.range, "the expression takes too many steps");
  if (static_cast<int64_t>(bytes) > program_.limits.output_bytes) {
    return Raise(Raised::kOther, node.range, "the result is too long");
  }
  return Status::OK();
}

Status Evaluator::Begin() {
  for (const std::string& name : program_.undeclared) {
    if (!scope_.Has(name)) {
      Range range{0, program_.source.size()};
      for (const Node& node : program_.nodes) {
        if (node.kind == Kind::kName && node.name == name) {
          range = node.range;
          break;
        }
      }
      return Raise(Raised::kOther, range, "unknown name '" + name + "'");
    }
  }
  for (size_t i = 0; i < program_.externals.size(); ++i) {
    const size_t place = scope_.Place(program_.externals[i].name);
    places_[i] = place == Scope::kAbsent ? kAbsent : static_cast<uint16_t>(place);
  }
  return Status::OK();
}

const Value* Evaluator::PeekName(const Node& node, Value* storage, Status* failed) {
  for (size_t i = locals_.size(); i > 0; --i) {
    if (locals_[i - 1].name == node.name) return &locals_[i - 1].value;
  }
  const uint16_t place = places_[static_cast<size_t>(node.slot)];
  if (place == kAbsent) {
    if (program_.externals[static_cast<size_t>(node.slot)].global) {
      *storage = NewInternal(InternalObject::Type::kFunction, node.name);
    } else if (node.name == "self") {
      *storage = NewInternal(InternalObject::Type::kTemplate, "self");
    } else {
      *storage = MakeUndefined(node);
    }
    return storage;
  }
  const Scope::Name& name = scope_.names_[place];
  if (name.make) {
    auto made = std::exchange(name.make, nullptr)();
    if (!made.ok()) {
      *failed = made.status();
      return nullptr;
    }
    name.value = *std::move(made);
  }
  secret_ = secret_ || name.value.secret();
  return &name.value;
}

Result<const Value*> Evaluator::Peek(NodeIndex index, Value* storage) {
  const Node& node = program_.At(index);
  if (--fuel_ < 0) return Spend(node, 0);
  switch (node.kind) {
    case Kind::kLiteral:
      return &node.literal;
    case Kind::kName: {
      Status failed;
      const Value* value = PeekName(node, storage, &failed);
      if (value == nullptr) return Raise(Raised::kOther, node.range, failed.message());
      return value;
    }
    case Kind::kItem:
    case Kind::kAttribute: {
      // A constant key of a plain map is the common case; anything else is evaluated in full.
      const Value* key = &node.literal;
      if (node.kind == Kind::kItem) {
        const Node& subscript = program_.At(node.children[1]);
        if (subscript.kind != Kind::kLiteral || !subscript.literal.is_string()) break;
        key = &subscript.literal;
      } else if (node.recursive) {
        break;  // the name of a method
      }
      Value inner;
      ARROW_ASSIGN_OR_RAISE(const Value* object, Peek(node.children[0], &inner));
      if (object->is_map()) {
        const MapObject& map = ValueAccess::MapOf(*object);
        if (map.lazy == nullptr && map.attributes.is_undefined()) {
          if (const Value* found = FindEntry(map.entries, *key)) {
            secret_ = secret_ || found->secret();
            // What an expression made itself it may also change before the pointer is used.
            if (object != &inner && map.frozen) return found;
            *storage = *found;
            return storage;
          }
        }
      }
      Result<Value> full =
          node.kind == Kind::kItem ? GetItem(*object, *key, node) : GetAttribute(*object, node.name, node);
      if (!full.ok()) return full.status();
      *storage = *std::move(full);
      return storage;
    }
    default:
      break;
  }
  ARROW_ASSIGN_OR_RAISE(*storage, Eval(index));
  return storage;
}

Result<List> Evaluator::EvalAll(std::span<const NodeIndex> nodes) {
  List items;
  items.reserve(nodes.size());
  for (const NodeIndex node : nodes) {
    ARROW_ASSIGN_OR_RAISE(Value item, Eval(node));
    items.push_back(std::move(item));
  }
  return items;
}

Result<Value> Evaluator::Eval(NodeIndex index) {
  const Node& node = program_.At(index);
  if (node.constant && !folding_ && node.kind != Kind::kLiteral) {
    // Jinja computes what is made of literals only when it compiles; see Slice.
    folding_ = true;
    Result<Value> folded = EvalNode(index);
    folding_ = false;
    if (folded.ok() && !folded->is_undefined() && IsBounded(*folded)) return folded;
    raised_ = Raised::kNothing;
  }
  Result<Value> value = EvalNode(index);
  if (value.ok() && !IsBounded(*value)) {
    return Raise(Raised::kOther, program_.At(index).range, "the value is too large or too deep");
  }
  return value;
}

Result<Value> Evaluator::EvalNode(NodeIndex index) {
  const Node& node = program_.At(index);
  if (--fuel_ < 0) return Spend(node, 0);
  Value storage;
  switch (node.kind) {
    case Kind::kLiteral:
      return node.literal;
    case Kind::kName:
    case Kind::kAttribute: {
      if (node.kind == Kind::kAttribute && node.recursive) {
        ARROW_ASSIGN_OR_RAISE(const Value* object, Peek(node.children[0], &storage));
        return GetAttribute(*object, node.name, node);
      }
      ARROW_ASSIGN_OR_RAISE(const Value* value, Peek(index, &storage));
      return value == &storage ? std::move(storage) : *value;
    }
    case Kind::kItem:
      return EvalItem(node);
    case Kind::kCall:
      return EvalCall(node);
    case Kind::kFilter: {
      if (node.children[0] == kNone) return EvalFilter(node, *filtered_);
      ARROW_ASSIGN_OR_RAISE(const Value* self, Peek(node.children[0], &storage));
      return EvalFilter(node, *self);
    }
    case Kind::kTest:
      return EvalTest(node);
    case Kind::kNot: {
      ARROW_ASSIGN_OR_RAISE(const Value* value, Peek(node.children[0], &storage));
      return Value::Bool(!Truthy(*value));
    }
    case Kind::kAnd:
    case Kind::kOr: {
      ARROW_ASSIGN_OR_RAISE(Value left, Eval(node.children[0]));
      if (Truthy(left) == (node.kind == Kind::kOr)) return left;
      return Eval(node.children[1]);
    }
    case Kind::kNegate:
    case Kind::kPlus: {
      ARROW_ASSIGN_OR_RAISE(const Value value, Eval(node.children[0]));
      return Unary(node.kind == Kind::kNegate, value, node);
    }
    case Kind::kBinary: {
      ARROW_ASSIGN_OR_RAISE(const Value left, Eval(node.children[0]));
      ARROW_ASSIGN_OR_RAISE(const Value right, Eval(node.children[1]));
      return Binary(node.op, left, right, node);
    }
    case Kind::kCompare:
      return EvalCompare(node);
    case Kind::kConcat:
      return EvalConcat(node);
    case Kind::kConditional: {
      ARROW_ASSIGN_OR_RAISE(const Value* test, Peek(node.children[0], &storage));
      const bool truth = Truthy(*test);
      if (!truth && node.children[2] == kNone) return MakeUndefined(node);
      return Eval(node.children[truth ? 1 : 2]);
    }
    case Kind::kList: {
      ARROW_ASSIGN_OR_RAISE(List items, EvalAll(node.children));
      return NewList(std::move(items));
    }
    case Kind::kTuple: {
      ARROW_ASSIGN_OR_RAISE(List items, EvalAll(node.children));
      return Value::OfTuple(std::move(items));
    }
    case Kind::kMap:
      return EvalMap(node);
    default:
      return Raise(Raised::kOther, node.range, "no expression");
  }
}

Result<Value> Evaluator::EvalItem(const Node& node) {
  const Node& subscript = program_.At(node.children[1]);
  Value storage;
  ARROW_ASSIGN_OR_RAISE(Value object, Eval(node.children[0]));
  if (subscript.kind == Kind::kSlice) {
    Value bounds[3] = {Value::Null(), Value::Null(), Value::Null()};
    for (size_t i = 0; i < 3; ++i) {
      if (subscript.children[i] == kNone) continue;
      ARROW_ASSIGN_OR_RAISE(bounds[i], Eval(subscript.children[i]));
    }
    return Slice(object, bounds[0], bounds[1], bounds[2], node);
  }
  ARROW_ASSIGN_OR_RAISE(const Value* key, Peek(node.children[1], &storage));
  ARROW_ASSIGN_OR_RAISE(Value item, GetItem(object, *key, node));
  secret_ = secret_ || item.secret();
  return item;
}

Result<Value> Evaluator::EvalCompare(const Node& node) {
  ARROW_ASSIGN_OR_RAISE(Value left, Eval(node.children[0]));
  bool truth = true;
  for (size_t i = 0; i < node.ops.size() && truth; ++i) {
    ARROW_ASSIGN_OR_RAISE(Value right, Eval(node.children[i + 1]));
    ARROW_ASSIGN_OR_RAISE(truth, CompareValues(node.ops[i], left, right, node));
    left = std::move(right);
  }
  return Value::Bool(truth);
}

Result<Value> Evaluator::EvalConcat(const Node& node) {
  std::string out;
  for (const NodeIndex child : node.children) {
    Value storage;
    ARROW_ASSIGN_OR_RAISE(const Value* value, Peek(child, &storage));
    if (value->is_string()) {
      out += value->as_string();
    } else {
      out += ToText(*value);
    }
    ARROW_RETURN_NOT_OK(Spend(node, out.size()));
  }
  return MakeString(std::move(out));
}

Result<Value> Evaluator::EvalMap(const Node& node) {
  Entries entries;
  entries.reserve(node.children.size() / 2);
  for (size_t i = 0; i < node.children.size(); i += 2) {
    ARROW_ASSIGN_OR_RAISE(Value key, Eval(node.children[i]));
    ARROW_ASSIGN_OR_RAISE(Value value, Eval(node.children[i + 1]));
    if (!Hashable(key)) {
      return Raise(Raised::kType, node.range, "unhashable type: '" + std::string(TypeName(key)) + "'");
    }
    entries.emplace_back(std::move(key), std::move(value));
  }
  return NewMap(std::move(entries));
}

Status Evaluator::Bind(const Node& node, const Signature& signature, Arguments* arguments) {
  const size_t given = node.children.size() - 1;
  if (signature.variadic) {
    ARROW_ASSIGN_OR_RAISE(arguments->rest, EvalAll(std::span(node.children).subspan(1)));
    for (const auto& [name, child] : node.named) {
      ARROW_ASSIGN_OR_RAISE(Value value, Eval(child));
      arguments->named.emplace_back(name, std::move(value));
    }
    return Status::OK();
  }
  // Python evaluates all arguments before it finds that they do not fit.
  bool fits = given <= signature.count;
  for (size_t i = 0; i < given; ++i) {
    ARROW_ASSIGN_OR_RAISE(Value value, Eval(node.children[i + 1]));
    if (i >= signature.count) continue;
    arguments->items[i] = std::move(value);
    arguments->given |= 1u << i;
  }
  for (const auto& [name, child] : node.named) {
    ARROW_ASSIGN_OR_RAISE(Value value, Eval(child));
    const auto* begin = signature.parameters.begin();
    const auto* found = std::find(begin, begin + signature.count, name);
    const auto at = static_cast<size_t>(found - begin);
    if (at == signature.count || signature.positional_only || (arguments->given >> at & 1) != 0) {
      fits = false;
      continue;
    }
    arguments->items[at] = std::move(value);
    arguments->given |= 1u << at;
  }
  const uint32_t needed = (1u << signature.required) - 1;
  if (fits && (arguments->given & needed) == needed) return Status::OK();
  return Raise(Raised::kType, node.range, "the arguments do not fit");
}

Result<Value> Evaluator::EvalFilter(const Node& node, const Value& self) {
  Arguments arguments;
  ARROW_RETURN_NOT_OK(Bind(node, node.filter->signature, &arguments));
  return node.filter->run({*this, node, self, arguments});
}

Result<Value> Evaluator::EvalTest(const Node& node) {
  Value storage;
  ARROW_ASSIGN_OR_RAISE(const Value* self, Peek(node.children[0], &storage));
  Arguments arguments;
  ARROW_RETURN_NOT_OK(Bind(node, node.test->signature, &arguments));
  ARROW_ASSIGN_OR_RAISE(const bool truth, node.test->run({*this, node, *self, arguments}));
  return Value::Bool(truth);
}

// Jinja computes an output of nothing but literals when it compiles, by slightly other rules (see Slice).
Result<Value> Evaluator::EvalOutput(NodeIndex index) {
  folding_ = program_.At(index).constant;
  Result<Value> value = Eval(index);
  if (value.ok() || !folding_) {
    folding_ = false;
    return value;
  }
  // What fails there is left to the evaluation.
  folding_ = false;
  raised_ = Raised::kNothing;
  return Eval(index);
}

// Text of the template's own body.
Status Evaluator::Render(std::string* out) {
  return RunBody(program_.body, out);
}

Status Evaluator::RunBody(const std::vector<NodeIndex>& body, std::string* out) {
  for (const NodeIndex index : body) {
    const Node& node = program_.At(index);
    if (--fuel_ < 0) return Spend(node, 0);
    const size_t before = out->size();
    if (node.kind == Kind::kText) {
      *out += node.literal.as_string();
    } else if (node.kind == Kind::kOutput) {
      Value storage;
      const Value* value = &storage;
      if (program_.At(node.children[0]).constant) {
        ARROW_ASSIGN_OR_RAISE(storage, EvalOutput(node.children[0]));
      } else {
        ARROW_ASSIGN_OR_RAISE(value, Peek(node.children[0], &storage));
      }
      if (value->is_string()) {
        *out += value->as_string();
      } else {
        *out += ToText(*value);
      }
    } else {
      ARROW_RETURN_NOT_OK(RunStatement(node, out));
    }
    ARROW_RETURN_NOT_OK(Spend(node, out->size() - before));
    if (static_cast<int64_t>(out->size()) > program_.limits.output_bytes) return Spend(node, out->size());
  }
  return Status::OK();
}

Status Evaluator::RunStatement(const Node& node, std::string* out) {
  switch (node.kind) {
    case Kind::kIf: {
      Value storage;
      ARROW_ASSIGN_OR_RAISE(const Value* test, Peek(node.children[0], &storage));
      return RunBody(Truthy(*test) ? node.body : node.otherwise, out);
    }
    case Kind::kFor:
      return RunFor(node, out);
    case Kind::kSet: {
      ARROW_ASSIGN_OR_RAISE(const Value value, Eval(node.children[1]));
      return Assign(node.children[0], value);
    }
    case Kind::kSetBlock:
    case Kind::kFilterBlock:
      return RunSetBlock(node, out);
    case Kind::kWith:
      return RunWith(node, out);
    default:
      return Raise(Raised::kOther, node.range, "no statement");
  }
}

void Evaluator::SetLocal(std::string_view name, Value value) {
  for (size_t i = locals_.size(); i > frame_; --i) {
    if (locals_[i - 1].name != name) continue;
    locals_[i - 1].value = std::move(value);
    return;
  }
  locals_.push_back({name, std::move(value)});
}

Status Evaluator::Assign(NodeIndex target, const Value& value) {
  const Node& node = program_.At(target);
  if (node.kind == Kind::kName) {
    SetLocal(node.name, value);
    return Status::OK();
  }
  if (node.kind == Kind::kMember) {
    for (size_t i = locals_.size(); i > 0; --i) {
      if (locals_[i - 1].name != node.name) continue;
      if (!IsInternal(locals_[i - 1].value, InternalObject::Type::kNamespace)) break;
      PutEntry(&ValueAccess::MapOf(ValueAccess::InternalOf(locals_[i - 1].value).receiver).entries, node.literal,
               value);
      return Status::OK();
    }
    return Raise(Raised::kOther, node.range, "cannot set an attribute of what is no namespace");
  }
  ARROW_ASSIGN_OR_RAISE(const List items, ToList(value, node));
  if (items.size() != node.children.size()) {
    return Raise(Raised::kOther, node.range, "as many values as names are wanted, not " + std::to_string(items.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) ARROW_RETURN_NOT_OK(Assign(node.children[i], items[i]));
  return Status::OK();
}

// `loop` within a body. The items are known before the first round.
namespace {

Value LoopValue(const List& items, size_t i) {
  const auto number = [](size_t value) { return Value::Int(static_cast<int64_t>(value)); };
  Entries entries = {{Value::String("index"), number(i + 1)},
                     {Value::String("index0"), number(i)},
                     {Value::String("revindex"), number(items.size() - i)},
                     {Value::String("revindex0"), number(items.size() - i - 1)},
                     {Value::String("first"), Value::Bool(i == 0)},
                     {Value::String("last"), Value::Bool(i + 1 == items.size())},
                     {Value::String("length"), number(items.size())},
                     {Value::String("depth"), Value::Int(1)},
                     {Value::String("depth0"), Value::Int(0)},
                     {Value::String("previtem"), i > 0 ? items[i - 1] : Value()},
                     {Value::String("nextitem"), i + 1 < items.size() ? items[i + 1] : Value()}};
  Value loop = NewInternal(InternalObject::Type::kLoop, "loop");
  ValueAccess::InternalOf(loop).receiver = NewMap(std::move(entries));
  return loop;
}

}  // namespace

Status Evaluator::RunFor(const Node& node, std::string* out) {
  ARROW_ASSIGN_OR_RAISE(const Value iterable, Eval(node.children[1]));
  const size_t outer_frame = frame_;
  const size_t outer_locals = locals_.size();
  const auto leave = [&] {
    locals_.resize(outer_locals);
    frame_ = outer_frame;
  };
  List items;
  frame_ = outer_locals;
  const Status listed = ForEach(iterable, node, [&](const Value& item) -> Result<bool> {
    ARROW_RETURN_NOT_OK(Spend(node, 0));
    if (node.children[2] != kNone) {
      locals_.resize(outer_locals);
      ARROW_RETURN_NOT_OK(Assign(node.children[0], item));
      ARROW_ASSIGN_OR_RAISE(const Value keep, Eval(node.children[2]));
      if (!Truthy(keep)) return true;
    }
    items.push_back(item);
    return true;
  });
  Status status = listed;
  for (size_t i = 0; i < items.size() && status.ok(); ++i) {
    locals_.resize(outer_locals);
    SetLocal("loop", LoopValue(items, i));
    status = Assign(node.children[0], items[i]);
    if (status.ok()) status = RunBody(node.body, out);
  }
  locals_.resize(outer_locals);
  if (status.ok() && items.empty()) status = RunBody(node.otherwise, out);
  leave();
  return status;
}

Status Evaluator::RunWith(const Node& node, std::string* out) {
  std::vector<Value> values;
  for (size_t i = 1; i < node.children.size(); i += 2) {
    ARROW_ASSIGN_OR_RAISE(Value value, Eval(node.children[i]));
    values.push_back(std::move(value));
  }
  const size_t outer_frame = std::exchange(frame_, locals_.size());
  const size_t outer_locals = locals_.size();
  Status status;
  for (size_t i = 0; i < values.size() && status.ok(); ++i) status = Assign(node.children[2 * i], values[i]);
  if (status.ok()) status = RunBody(node.body, out);
  locals_.resize(outer_locals);
  frame_ = outer_frame;
  return status;
}

// Both `{% set x %}…{% endset %}` and `{% filter f %}…{% endfilter %}` gather a text first.
Status Evaluator::RunSetBlock(const Node& node, std::string* out) {
  const size_t outer_frame = std::exchange(frame_, locals_.size());
  const size_t outer_locals = locals_.size();
  std::string text;
  const Status ran = RunBody(node.body, &text);
  locals_.resize(outer_locals);
  frame_ = outer_frame;
  ARROW_RETURN_NOT_OK(ran);
  Value value = MakeString(std::move(text));
  const NodeIndex filter = node.children.back();
  if (filter != kNone) {
    const Value input = value;
    const Value* outer = std::exchange(filtered_, &input);
    Result<Value> filtered = Eval(filter);
    filtered_ = outer;
    ARROW_ASSIGN_OR_RAISE(value, std::move(filtered));
  }
  if (node.kind == Kind::kSetBlock) return Assign(node.children[0], value);
  *out += ToText(value);
  return Status::OK();
}

}  // namespace firn::expression::jinja
