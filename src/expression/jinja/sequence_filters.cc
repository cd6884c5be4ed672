// Filters on sequences. Those that Python makes lazily are lazy here too.
#include <algorithm>
#include <memory>

#include "expression/jinja/filters.h"
#include "expression/jinja/number.h"
#include "expression/jinja/unicode.h"

namespace firn::expression::jinja {
namespace {

using Advance = std::function<Result<std::optional<Value>>()>;

Value Generator(std::string name, Advance advance) {
  Value generator = NewInternal(InternalObject::Type::kGenerator, std::move(name));
  ValueAccess::InternalOf(generator).advance = std::move(advance);
  return generator;
}

// The items of anything iterable, one by one. The evaluation outlives its generators.
Result<Advance> Items(const Call& call, const Value& value) {
  Evaluator* run = &call.run;
  const Node* node = &call.node;
  if (IsInternal(value, InternalObject::Type::kGenerator)) {
    return Advance([run, node, value] { return run->First(value, *node); });
  }
  ARROW_ASSIGN_OR_RAISE(List items, run->ToList(value, *node));
  auto shared = std::make_shared<const List>(std::move(items));
  size_t at = 0;
  return Advance([shared, at]() mutable -> Result<std::optional<Value>> {
    if (at >= shared->size()) return std::optional<Value>();
    return std::optional<Value>((*shared)[at++]);
  });
}

// "address.city", "0.name" or a number: the steps of a path.
List PathOf(const Value& attribute) {
  if (attribute.is_undefined() || attribute.is_null()) return {};
  if (!attribute.is_string()) return {attribute};
  List path;
  std::string_view rest = attribute.as_string();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view step = rest.substr(0, dot);
    const bool number = !step.empty() && step.find_first_not_of("0123456789") == std::string_view::npos;
    path.push_back(number ? Value::IntegerText(step) : Value::String(step));
    if (dot == std::string_view::npos) return path;
    rest.remove_prefix(dot + 1);
  }
}

Result<Value> Follow(Evaluator& run, const Node& node, Value value, const List& path, const Value& otherwise) {
  for (const Value& step : path) {
    ARROW_ASSIGN_OR_RAISE(value, run.GetItem(value, step, node));
    if (value.is_undefined() && !otherwise.is_undefined() && !otherwise.is_null()) value = otherwise;
  }
  return value;
}

Value IgnoreCase(Value value, bool case_sensitive) {
  if (case_sensitive || !value.is_string()) return value;
  return MakeString(ToLower(value.as_string()));
}

// How map(), select() and their like treat one item.
using Transform = std::function<Result<Value>(const Value&)>;

Result<Transform> MapTransform(const Call& call) {
  Evaluator* run = &call.run;
  const Node* node = &call.node;
  std::vector<Value> positional = call.arguments.rest;
  auto named = call.arguments.named;
  const auto attribute =
      std::find_if(named.begin(), named.end(), [](const auto& entry) { return entry.first == "attribute"; });
  if (positional.empty() && attribute != named.end()) {
    Value otherwise;
    for (const auto& [name, value] : named) {
      if (name == "default") {
        otherwise = value;
      } else if (name != "attribute") {
        return call.ValueError("unexpected argument '" + name + "'");
      }
    }
    const List path = PathOf(attribute->second);
    return Transform([=](const Value& item) { return Follow(*run, *node, item, path, otherwise); });
  }
  if (positional.empty()) return call.ValueError("map requires a filter argument");
  const Filter* filter = positional[0].is_string() ? FindFilter(positional[0].as_string()) : nullptr;
  if (filter == nullptr) return call.ValueError("no filter named " + ToRepr(positional[0]));
  positional.erase(positional.begin());
  return Transform([=](const Value& item) -> Result<Value> {
    Arguments arguments;
    ARROW_RETURN_NOT_OK(BindValues(*run, *node, filter->signature, filter->name, positional, named, &arguments));
    return filter->run({*run, *node, item, arguments});
  });
}

Result<Transform> TestTransform(const Call& call, bool by_attribute) {
  Evaluator* run = &call.run;
  const Node* node = &call.node;
  std::vector<Value> positional = call.arguments.rest;
  const auto named = call.arguments.named;
  List path;
  if (by_attribute) {
    if (positional.empty()) return call.ValueError("an attribute name is missing");
    path = PathOf(positional[0]);
    positional.erase(positional.begin());
  }
  const Test* test = nullptr;
  if (!positional.empty()) {
    test = positional[0].is_string() ? FindTest(positional[0].as_string()) : nullptr;
    if (test == nullptr) return call.ValueError("no test named " + ToRepr(positional[0]));
    positional.erase(positional.begin());
  }
  return Transform([=](const Value& item) -> Result<Value> {
    ARROW_ASSIGN_OR_RAISE(const Value value, Follow(*run, *node, item, path, Value()));
    if (test == nullptr) return Value::Bool(Truthy(value));
    Arguments arguments;
    ARROW_RETURN_NOT_OK(BindValues(*run, *node, test->signature, test->name, positional, named, &arguments));
    ARROW_ASSIGN_OR_RAISE(const bool truth, test->run({*run, *node, value, arguments}));
    return Value::Bool(truth);
  });
}

// Both run nothing before the first item is wanted, not even the check of their arguments.
Result<Value> Selected(const Call& call, std::string name, bool by_attribute, bool keep) {
  auto transform = std::make_shared<std::optional<Transform>>();
  auto items = std::make_shared<std::optional<Advance>>();
  const Value self = call.self;
  Evaluator* run = &call.run;
  const Node* node = &call.node;
  const Arguments arguments = call.arguments;
  return Generator(std::move(name), [=]() -> Result<std::optional<Value>> {
    Arguments copy = arguments;
    const Call later{*run, *node, self, copy};
    if (!items->has_value()) {
      if (!Truthy(self)) return std::optional<Value>();
      ARROW_ASSIGN_OR_RAISE(*transform, TestTransform(later, by_attribute));
      ARROW_ASSIGN_OR_RAISE(*items, Items(later, self));
    }
    while (true) {
      ARROW_RETURN_NOT_OK(run->Spend(*node, 0));
      ARROW_ASSIGN_OR_RAISE(std::optional<Value> item, (**items)());
      if (!item) return item;
      ARROW_ASSIGN_OR_RAISE(const Value truth, (**transform)(*item));
      if (Truthy(truth) == keep) return item;
    }
  });
}

Result<Value> Extreme(const Call& call, int wanted) {
  ARROW_ASSIGN_OR_RAISE(const List items, call.run.ToList(call.self, call.node));
  if (items.empty()) return call.run.MakeUndefined(call.node);
  const List path = PathOf(call.Has(1) ? call.At(1) : Value());
  std::optional<Value> best_key;
  Value best;
  for (const Value& item : items) {
    ARROW_ASSIGN_OR_RAISE(Value key, Follow(call.run, call.node, item, path, Value()));
    key = IgnoreCase(std::move(key), call.True(0));
    bool better = !best_key;
    if (best_key) {
      ARROW_ASSIGN_OR_RAISE(better,
                            call.run.CompareValues(wanted > 0 ? Op::kGreater : Op::kLess, key, *best_key, call.node));
    }
    if (!better) continue;
    best_key = key;
    best = item;
  }
  return best;
}

}  // namespace

Status BindValues(Evaluator& run, const Node& node, const Signature& signature, std::string_view name,
                  std::vector<Value> positional, std::vector<std::pair<std::string, Value>> named, Arguments* out) {
  if (signature.variadic) {
    out->rest = std::move(positional);
    out->named = std::move(named);
    return Status::OK();
  }
  const Status wrong = run.Raise(Raised::kType, node.range, "the arguments of '" + std::string(name) + "' do not fit");
  if (positional.size() > signature.count) return wrong;
  for (size_t i = 0; i < positional.size(); ++i) {
    out->items[i] = std::move(positional[i]);
    out->given |= 1u << i;
  }
  for (auto& [key, value] : named) {
    const auto* begin = signature.parameters.begin();
    const auto at = static_cast<size_t>(std::find(begin, begin + signature.count, key) - begin);
    if (at == signature.count || (out->given >> at & 1) != 0) return wrong;
    out->items[at] = std::move(value);
    out->given |= 1u << at;
  }
  const uint32_t needed = (1u << signature.required) - 1;
  return (out->given & needed) == needed ? Status::OK() : wrong;
}

Result<Value> MapFilter(const Call& call) {
  auto transform = std::make_shared<std::optional<Transform>>();
  auto items = std::make_shared<std::optional<Advance>>();
  const Value self = call.self;
  Evaluator* run = &call.run;
  const Node* node = &call.node;
  const Arguments arguments = call.arguments;
  return Generator("sync_do_map", [=]() -> Result<std::optional<Value>> {
    Arguments copy = arguments;
    const Call later{*run, *node, self, copy};
    if (!items->has_value()) {
      if (!Truthy(self)) return std::optional<Value>();
      ARROW_ASSIGN_OR_RAISE(*transform, MapTransform(later));
      ARROW_ASSIGN_OR_RAISE(*items, Items(later, self));
    }
    ARROW_RETURN_NOT_OK(run->Spend(*node, 0));
    ARROW_ASSIGN_OR_RAISE(std::optional<Value> item, (**items)());
    if (!item) return item;
    ARROW_ASSIGN_OR_RAISE(Value mapped, (**transform)(*item));
    return std::optional<Value>(std::move(mapped));
  });
}

Result<Value> SelectFilter(const Call& call) {
  return Selected(call, "select_or_reject", false, true);
}
Result<Value> RejectFilter(const Call& call) {
  return Selected(call, "select_or_reject", false, false);
}
Result<Value> SelectattrFilter(const Call& call) {
  return Selected(call, "select_or_reject", true, true);
}
Result<Value> RejectattrFilter(const Call& call) {
  return Selected(call, "select_or_reject", true, false);
}

Result<Value> FirstFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(std::optional<Value> first, call.run.First(call.self, call.node));
  return first ? *std::move(first) : call.run.MakeUndefined(call.node);
}

Result<Value> LastFilter(const Call& call) {
  const bool reversible = call.self.is_string() || IsSequence(call.self) || call.self.is_map() ||
                          call.self.is_undefined() || IsInternal(call.self, InternalObject::Type::kView);
  if (!reversible) return call.TypeError("'" + std::string(TypeName(call.self)) + "' object is not reversible");
  ARROW_ASSIGN_OR_RAISE(const List items, call.run.ToList(call.self, call.node));
  return items.empty() ? call.run.MakeUndefined(call.node) : items.back();
}

Result<Value> ListFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(List items, call.run.ToList(call.self, call.node));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, 16 * items.size()));
  return NewList(std::move(items));
}

Result<Value> LengthFilter(const Call& call) {
  switch (call.self.kind()) {
    case Value::Kind::kUndefined:
      return Value::Int(0);
    case Value::Kind::kString:
      return Value::Int(static_cast<int64_t>(CountCodePoints(call.self.as_string())));
    case Value::Kind::kBytes:
      return Value::Int(static_cast<int64_t>(call.self.as_string().size()));
    case Value::Kind::kList:
    case Value::Kind::kTuple:
    case Value::Kind::kSet:
      return Value::Int(static_cast<int64_t>(call.self.as_list().size()));
    case Value::Kind::kMap:
      return Value::Int(static_cast<int64_t>(call.self.as_map().size()));
    default:
      break;
  }
  if (IsInternal(call.self, InternalObject::Type::kView)) {
    return Value::Int(static_cast<int64_t>(ValueAccess::InternalOf(call.self).items.size()));
  }
  return call.TypeError("object of type '" + std::string(TypeName(call.self)) + "' has no len()");
}

Result<Value> ReverseFilter(const Call& call) {
  if (call.self.is_string()) {
    std::u32string codes = Decode(call.self.as_string());
    std::reverse(codes.begin(), codes.end());
    return MakeString(Encode(codes));
  }
  const bool iterable = IsSequence(call.self) || call.self.is_map() || call.self.kind() == Value::Kind::kInternal ||
                        call.self.kind() == Value::Kind::kSet || call.self.is_undefined();
  if (!iterable) return call.ValueError("argument must be iterable");
  ARROW_ASSIGN_OR_RAISE(List items, call.run.ToList(call.self, call.node));
  std::reverse(items.begin(), items.end());
  const bool list =
      call.self.kind() == Value::Kind::kInternal || call.self.is_undefined() || call.self.kind() == Value::Kind::kSet;
  if (list) return NewList(std::move(items));
  const Value reversed = NewList(std::move(items));
  ARROW_ASSIGN_OR_RAISE(Advance advance, Items(call, reversed));
  return Generator("reversed", std::move(advance));
}

Result<Value> JoinFilter(const Call& call) {
  const std::string separator = call.Has(0) ? ToText(call.At(0)) : "";
  const List path = PathOf(call.Has(1) ? call.At(1) : Value());
  std::string out;
  bool first = true;
  ARROW_RETURN_NOT_OK(call.run.ForEach(call.self, call.node, [&](const Value& item) -> Result<bool> {
    ARROW_ASSIGN_OR_RAISE(const Value value, Follow(call.run, call.node, item, path, Value()));
    if (!first) out += separator;
    first = false;
    out += ToText(value);
    ARROW_RETURN_NOT_OK(call.run.Spend(call.node, out.size() / 64));
    return true;
  }));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, out.size()));
  return MakeString(std::move(out));
}

Result<Value> UniqueFilter(const Call& call) {
  const List path = PathOf(call.Has(1) ? call.At(1) : Value());
  List seen;
  List kept;
  ARROW_RETURN_NOT_OK(call.run.ForEach(call.self, call.node, [&](const Value& item) -> Result<bool> {
    ARROW_ASSIGN_OR_RAISE(Value key, Follow(call.run, call.node, item, path, Value()));
    key = IgnoreCase(std::move(key), call.True(0));
    if (!Hashable(key)) return call.TypeError("unhashable type: '" + std::string(TypeName(key)) + "'");
    ARROW_RETURN_NOT_OK(call.run.Spend(call.node, 16 * seen.size()));
    if (std::any_of(seen.begin(), seen.end(), [&](const Value& other) { return Equals(other, key); })) return true;
    seen.push_back(std::move(key));
    kept.push_back(item);
    return true;
  }));
  const Value unique = NewList(std::move(kept));
  ARROW_ASSIGN_OR_RAISE(Advance advance, Items(call, unique));
  return Generator("sync_do_unique", std::move(advance));
}

Result<List> SortValues(const Call& call, List items, const List& keys, bool reverse) {
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, 64 * items.size()));
  Status failed;
  // A merge sort asks for a strict order even when comparing fails; then nothing is less.
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const size_t left = reverse ? b : a;
    const size_t right = reverse ? a : b;
    if (!failed.ok()) return false;
    const auto less = call.run.CompareValues(Op::kLess, keys[left], keys[right], call.node);
    if (!less.ok()) failed = less.status();
    return less.ok() && *less;
  });
  ARROW_RETURN_NOT_OK(failed);
  List sorted;
  sorted.reserve(items.size());
  for (const size_t at : order) sorted.push_back(items[at]);
  return sorted;
}

Result<Value> SortFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(List items, call.run.ToList(call.self, call.node));
  List keys;
  std::vector<List> paths;
  const Value attribute = call.Has(2) ? call.At(2) : Value();
  if (attribute.is_string()) {
    std::string_view rest = attribute.as_string();
    while (true) {
      const size_t comma = rest.find(',');
      paths.push_back(PathOf(Value::String(rest.substr(0, comma))));
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  } else {
    paths.push_back(PathOf(attribute));
  }
  for (const Value& item : items) {
    List parts;
    for (const List& path : paths) {
      ARROW_ASSIGN_OR_RAISE(Value key, Follow(call.run, call.node, item, path, Value()));
      parts.push_back(IgnoreCase(std::move(key), call.True(1)));
    }
    keys.push_back(parts.size() == 1 ? parts[0] : NewList(std::move(parts)));
  }
  ARROW_ASSIGN_OR_RAISE(List sorted, SortValues(call, std::move(items), keys, call.True(0)));
  return NewList(std::move(sorted));
}

Result<Value> MaxFilter(const Call& call) {
  return Extreme(call, 1);
}
Result<Value> MinFilter(const Call& call) {
  return Extreme(call, -1);
}

Result<Value> SumFilter(const Call& call) {
  const List path = PathOf(call.Has(0) ? call.At(0) : Value());
  Value sum = call.Has(1) ? call.At(1) : Value::Int(0);
  if (sum.is_string()) return call.TypeError("sum() can't sum strings");
  ARROW_RETURN_NOT_OK(call.run.ForEach(call.self, call.node, [&](const Value& item) -> Result<bool> {
    ARROW_ASSIGN_OR_RAISE(const Value value, Follow(call.run, call.node, item, path, Value()));
    ARROW_ASSIGN_OR_RAISE(sum, call.run.Binary(Op::kAdd, sum, value, call.node));
    return true;
  }));
  return sum;
}

Result<Value> ItemsFilter(const Call& call) {
  List items;
  if (!call.self.is_undefined()) {
    if (!call.self.is_map()) return call.TypeError("Can only get item pairs from a mapping.");
    for (const auto& [key, value] : call.self.as_map()) items.push_back(Value::OfTuple({key, value}));
  }
  const Value list = NewList(std::move(items));
  ARROW_ASSIGN_OR_RAISE(Advance advance, Items(call, list));
  return Generator("do_items", std::move(advance));
}

Result<Value> DictsortFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view by, call.Text(1, "key"));
  if (by != "key" && by != "value") return call.ValueError("You can only sort by either \"key\" or \"value\"");
  if (call.self.is_undefined()) return call.run.UndefinedError(call.self, call.node.range);
  if (!call.self.is_map()) return call.ValueError("a mapping is wanted");
  List pairs;
  List keys;
  for (const auto& [key, value] : call.self.as_map()) {
    pairs.push_back(Value::OfTuple({key, value}));
    keys.push_back(IgnoreCase(by == "key" ? key : value, call.True(0)));
  }
  ARROW_ASSIGN_OR_RAISE(List sorted, SortValues(call, std::move(pairs), keys, call.True(2)));
  return NewList(std::move(sorted));
}

Result<Value> GroupbyFilter(const Call& call) {
  const List path = PathOf(call.At(0));
  const Value otherwise = call.Has(1) ? call.At(1) : Value();
  ARROW_ASSIGN_OR_RAISE(List items, call.run.ToList(call.self, call.node));
  List keys;
  for (const Value& item : items) {
    ARROW_ASSIGN_OR_RAISE(Value key, Follow(call.run, call.node, item, path, otherwise));
    keys.push_back(IgnoreCase(std::move(key), call.True(2)));
  }
  ARROW_ASSIGN_OR_RAISE(const List sorted, SortValues(call, items, keys, false));
  ARROW_ASSIGN_OR_RAISE(const List sorted_keys, SortValues(call, keys, keys, false));
  List groups;
  for (size_t begin = 0; begin < sorted.size();) {
    size_t end = begin;
    while (end < sorted.size() && Equals(sorted_keys[end], sorted_keys[begin])) ++end;
    ARROW_ASSIGN_OR_RAISE(const Value key, Follow(call.run, call.node, sorted[begin], path, otherwise));
    groups.push_back(Value::OfTuple({key, NewList(List(sorted.begin() + static_cast<int64_t>(begin),
                                                       sorted.begin() + static_cast<int64_t>(end)))}));
    begin = end;
  }
  return NewList(std::move(groups));
}

Result<Value> BatchFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, call.Integer(0, 1));
  ARROW_ASSIGN_OR_RAISE(const List items, call.run.ToList(call.self, call.node));
  List batches;
  List batch;
  for (const Value& item : items) {
    if (static_cast<int64_t>(batch.size()) == size) batches.push_back(NewList(std::exchange(batch, {})));
    batch.push_back(item);
  }
  if (!batch.empty()) {
    const bool fills = call.Has(1) && !call.At(1).is_null();
    ARROW_RETURN_NOT_OK(call.run.Spend(call.node, fills ? static_cast<size_t>(std::max<int64_t>(0, size)) * 16 : 0));
    while (fills && static_cast<int64_t>(batch.size()) < size) batch.push_back(call.At(1));
    batches.push_back(NewList(std::move(batch)));
  }
  const Value list = NewList(std::move(batches));
  ARROW_ASSIGN_OR_RAISE(Advance advance, Items(call, list));
  return Generator("do_batch", std::move(advance));
}

Result<Value> SliceFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const int64_t slices, call.Integer(0, 1));
  if (slices == 0) return call.ValueError("integer division or modulo by zero");
  ARROW_ASSIGN_OR_RAISE(const List items, call.run.ToList(call.self, call.node));
  ARROW_RETURN_NOT_OK(call.run.Spend(call.node, static_cast<size_t>(std::max<int64_t>(0, slices)) * 16));
  List out;
  size_t at = 0;
  for (int64_t i = 0; i < slices; ++i) {
    const int64_t extra = static_cast<int64_t>(items.size()) % slices;
    const auto take = static_cast<size_t>(static_cast<int64_t>(items.size()) / slices + (i < extra ? 1 : 0));
    List part(items.begin() + static_cast<int64_t>(at), items.begin() + static_cast<int64_t>(at + take));
    at += take;
    if (call.Has(1) && !call.At(1).is_null() && i >= extra) part.push_back(call.At(1));
    out.push_back(NewList(std::move(part)));
  }
  const Value list = NewList(std::move(out));
  ARROW_ASSIGN_OR_RAISE(Advance advance, Items(call, list));
  return Generator("sync_do_slice", std::move(advance));
}

Result<Value> AttrFilter(const Call& call) {
  ARROW_ASSIGN_OR_RAISE(const std::string_view name, call.Text(0, ""));
  // Unlike a dot it does not fall back to items.
  if (call.self.is_map() && ValueAccess::MapOf(call.self).attributes.is_undefined() && FindMapMethod(name) == nullptr &&
      name.substr(0, 2) != "__") {
    return call.run.MakeUndefined(call.node);
  }
  return call.run.GetAttribute(call.self, name, call.node);
}

std::string EncodeBase64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) {
      const bool pad = i + k > bytes.size();
      out.push_back(pad ? '=' : kAlphabet[group >> (18 - 6 * k) & 63]);
    }
  }
  return out;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  int pads = 0;
  for (const char c : text) {
    if (c == '=') {
      if (have >= 2 && have + ++pads >= 4) return out;  // the end of a group ends the text
      continue;
    }
    const size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) continue;
    pads = 0;
    bits = bits << 6 | static_cast<uint32_t>(value);
    ++have;
    if (have > 1) out.push_back(static_cast<char>(bits >> (have == 2 ? 4 : (have == 3 ? 2 : 0)) & 0xFF));
    if (have == 4) have = 0;
  }
  return have == 0 ? std::optional(out) : std::nullopt;
}

bool IsUtf8(std::string_view bytes) {
  const std::u32string codes = Decode(bytes);
  return Encode(codes) == bytes &&
         std::none_of(codes.begin(), codes.end(), [](char32_t code) { return code >= 0xD800 && code < 0xE000; });
}

}  // namespace firn::expression::jinja
