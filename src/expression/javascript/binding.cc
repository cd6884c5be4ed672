// Names: destructuring, frames, and the bodies of functions.
#include <algorithm>

#include "expression/javascript/builtins.h"
#include "expression/javascript/evaluator.h"
#include "expression/javascript/utf16.h"

namespace firn::expression::javascript {

using Kind = Node::Kind;

Frame* Evaluator::PushFrame(Frame* parent) {
  if (num_frames_ == frames_.size()) frames_.push_back(std::make_unique<Frame>());
  Frame* frame = frames_[num_frames_++].get();
  frame->parent = parent;
  return frame;
}

void Evaluator::PopFrame(Frame* frame, Frame* back_to) {
  frame_ = back_to;
  if (frame->captured || frames_[num_frames_ - 1].get() != frame) return;
  frame->names.clear();
  --num_frames_;
}

Status Evaluator::Bind(const Node& pattern, const Value& value) {
  switch (pattern.kind) {
    case Kind::kBindName:
      frame_->names.emplace_back(pattern.name, value);
      return Spend(pattern.range, sizeof(Value));
    case Kind::kBindArray:
      return BindArray(pattern, value);
    case Kind::kBindObject:
      return BindObject(pattern, value);
    default: {  // kDefault
      if (!value.is_undefined()) return Bind(*pattern.children[0], value);
      ARROW_ASSIGN_OR_RAISE(const Value otherwise, Eval(*pattern.children[1]));
      return Bind(*pattern.children[0], otherwise);
    }
  }
}

Status Evaluator::BindArray(const Node& pattern, const Value& value) {
  ARROW_ASSIGN_OR_RAISE(const List items, ToList(value, pattern.range));
  for (size_t i = 0; i < pattern.children.size(); ++i) {
    const Node* child = pattern.children[i];
    if (child == nullptr) continue;
    if (child->kind == Kind::kRest) {
      List rest(items.begin() + static_cast<std::ptrdiff_t>(std::min(i, items.size())), items.end());
      ARROW_ASSIGN_OR_RAISE(const Value array, NewArray(std::move(rest), child->range));
      return Bind(*child->children[0], array);
    }
    ARROW_RETURN_NOT_OK(Bind(*child, i < items.size() ? items[i] : Value()));
  }
  return Status::OK();
}

Status Evaluator::BindObject(const Node& pattern, const Value& value) {
  if (value.is_nullish()) {
    return Thrown(pattern.range, "cannot take properties from " + std::string(KindName(value)));
  }
  std::vector<std::u16string> taken;
  for (const Node* child : pattern.children) {
    if (child->kind == Kind::kRest) {
      Object rest;
      for (auto& [key, item] : OwnEntries(value)) {
        if (std::find(taken.begin(), taken.end(), key) == taken.end()) rest.Put(std::move(key), std::move(item));
      }
      ARROW_ASSIGN_OR_RAISE(const Value object, NewObject(std::move(rest), child->range));
      return Bind(*child->children[0], object);
    }
    ARROW_ASSIGN_OR_RAISE(const std::u16string key, EvalKey(*child));
    ARROW_ASSIGN_OR_RAISE(const Value item, GetMember(value, key, child->range));
    taken.push_back(key);
    ARROW_RETURN_NOT_OK(Bind(*child->children.back(), item));
  }
  return Status::OK();
}

Result<std::optional<Value>> Evaluator::RunBlock(const Node& block) {
  Frame* outer = std::exchange(frame_, PushFrame(frame_));
  const auto run = [&]() -> Result<std::optional<Value>> {
    for (const Node* statement : block.children) {
      ARROW_ASSIGN_OR_RAISE(std::optional<Value> returned, RunStatement(*statement));
      if (returned) return returned;
    }
    return std::nullopt;
  };
  Result<std::optional<Value>> returned = run();
  PopFrame(frame_, outer);
  return returned;
}

Result<std::optional<Value>> Evaluator::RunStatement(const Node& statement) {
  switch (statement.kind) {
    case Kind::kDeclare: {
      ARROW_ASSIGN_OR_RAISE(const Value value, Eval(*statement.children[1]));
      ARROW_RETURN_NOT_OK(Bind(*statement.children[0], value));
      return std::nullopt;
    }
    case Kind::kIf: {
      ARROW_ASSIGN_OR_RAISE(const Value condition, Eval(*statement.children[0]));
      const size_t branch = Truthy(condition) ? 1 : 2;
      if (branch >= statement.children.size()) return std::nullopt;
      return RunBlock(*statement.children[branch]);
    }
    case Kind::kBlock:
      return RunBlock(statement);
    default: {  // kReturn
      if (statement.children.empty()) return std::optional(Value());
      ARROW_ASSIGN_OR_RAISE(Value value, Eval(*statement.children[0]));
      return std::optional(std::move(value));
    }
  }
}

}  // namespace firn::expression::javascript
