#include "source/airbyte/transformations.h"

#include <algorithm>

#include "expression/jinja/unicode.h"
#include "source/airbyte/dpath.h"
#include "source/airbyte/snake_case.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

Result<Path> PathOf(const expression::Value& value) {
  Path path;
  if (value.kind() != expression::Value::Kind::kList) return MakeError(Fault::kConfig, "a path is a list of keys");
  for (const auto& step : value.as_list()) path.push_back(expression::ToText(step));
  return path;
}

uint32_t TypesOf(const std::string& name) {
  if (name == "string") return jinja::kStringType;
  if (name == "number") return jinja::kFloatType;
  if (name == "integer") return jinja::kIntType;
  if (name == "boolean") return jinja::kBoolType;
  return jinja::kAnyType;
}

class AddFields : public Transformation {
 public:
  static Result<std::unique_ptr<Transformation>> Make(const Component& component, const RunContext& run) {
    auto made = std::make_unique<AddFields>(run);
    ARROW_ASSIGN_OR_RAISE(made->condition_, InterpolatedField(component, "condition"));
    for (const Component& field : component.Children("fields")) {
      Field added;
      if (!field.Has("path")) return ManifestError(field, "an added field needs its path");
      ARROW_ASSIGN_OR_RAISE(added.path, PathOf(*field.Find("path")));
      ARROW_ASSIGN_OR_RAISE(added.value, InterpolatedField(field, "value"));
      added.types = TypesOf(field.Text("value_type"));
      for (const std::string& step : added.path) added.names.push_back(Value::String(step));
      made->fields_.push_back(std::move(added));
    }
    return std::unique_ptr<Transformation>(std::move(made));
  }
  explicit AddFields(const RunContext& run) : run_(run) {}

  Result<Value> Apply(Value record, const Slice& slice) const override {
    Scope scope = run_.NewScope();
    scope.Set("stream_slice", slice.View());
    for (const Field& field : fields_) {
      scope.Set("record", record);
      ARROW_ASSIGN_OR_RAISE(Value value, field.value.Eval(scope, field.types));
      if (!condition_.empty()) {
        scope.Set("value", value);
        scope.Set("path", Value::OfList(field.names));
        ARROW_ASSIGN_OR_RAISE(const bool wanted, condition_.EvalCondition(scope));
        if (!wanted) continue;
      }
      record = WithValueAt(record, field.path, 0, std::move(value));
    }
    return record;
  }

 private:
  struct Field {
    Path path;
    List names;
    Interpolated value;
    uint32_t types = jinja::kAnyType;
  };
  const RunContext& run_;
  Interpolated condition_;
  std::vector<Field> fields_;
};

class RemoveFields : public Transformation {
 public:
  static Result<std::unique_ptr<Transformation>> Make(const Component& component, const RunContext& run) {
    auto made = std::make_unique<RemoveFields>(run);
    ARROW_ASSIGN_OR_RAISE(made->condition_, InterpolatedField(component, "condition"));
    const auto* pointers = component.Find("field_pointers");
    if (pointers == nullptr || pointers->kind() != expression::Value::Kind::kList) {
      return ManifestError(component, "RemoveFields needs field_pointers");
    }
    for (const auto& pointer : pointers->as_list()) {
      ARROW_ASSIGN_OR_RAISE(Path path, PathOf(pointer));
      made->paths_.push_back(std::move(path));
    }
    return std::unique_ptr<Transformation>(std::move(made));
  }
  explicit RemoveFields(const RunContext& run) : run_(run) {}

  Result<Value> Apply(Value record, const Slice& /*slice*/) const override {
    for (const Path& path : paths_) {
      if (condition_.empty()) {
        record = WithoutPath(record, path);
        continue;
      }
      // The reference's filter takes the place of the path: every field that the condition holds for goes.
      ARROW_ASSIGN_OR_RAISE(record, WithoutLeaves(record, [this](const Value& found) {
                              Scope scope = run_.NewScope();
                              scope.Set("property", found);
                              return condition_.EvalCondition(scope);
                            }));
    }
    return record;
  }

 private:
  const RunContext& run_;
  Interpolated condition_;
  std::vector<Path> paths_;
};

/// Renames keys, at the top or at every depth of maps.
class RenameKeys : public Transformation {
 public:
  enum class How { kLower, kSnakeCase, kReplace };
  RenameKeys(const RunContext& run, How how) : run_(run), how_(how) {}
  static Result<std::unique_ptr<Transformation>> Make(const Component& component, const RunContext& run, How how) {
    auto made = std::make_unique<RenameKeys>(run, how);
    ARROW_ASSIGN_OR_RAISE(made->old_, InterpolatedField(component, "old"));
    ARROW_ASSIGN_OR_RAISE(made->new_, InterpolatedField(component, "new"));
    return std::unique_ptr<Transformation>(std::move(made));
  }

  Result<Value> Apply(Value record, const Slice& slice) const override {
    std::string from, to;
    if (how_ == How::kReplace) {
      Scope scope = run_.NewScope();
      scope.Set("record", record);
      scope.Set("stream_slice", slice.View());
      ARROW_ASSIGN_OR_RAISE(from, old_.EvalText(scope));
      ARROW_ASSIGN_OR_RAISE(to, new_.EvalText(scope));
    }
    return Renamed(record, from, to);
  }

 private:
  std::string NewName(const std::string& name, const std::string& from, const std::string& to) const {
    if (how_ == How::kLower) return jinja::ToLower(name);
    if (how_ == How::kSnakeCase) return SnakeCase(name);
    std::string out = name;
    if (from.empty()) return out;
    for (size_t at = out.find(from); at != std::string::npos; at = out.find(from, at + to.size())) {
      out.replace(at, from.size(), to);
    }
    return out;
  }
  Value Renamed(const Value& map, const std::string& from, const std::string& to) const {
    Entries entries;
    for (const auto& [key, value] : map.as_map()) {
      const bool deep = how_ != How::kLower && value.is_map();
      Put(entries, NewName(jinja::ToText(key), from, to), deep ? Renamed(value, from, to) : value);
    }
    return Value::OfMap(std::move(entries));
  }

  const RunContext& run_;
  const How how_;
  Interpolated old_, new_;
};

/// All fields at the top: the last of equal names keeps the plain one, others get their path.
class FlattenFields : public Transformation {
 public:
  explicit FlattenFields(bool lists) : lists_(lists) {}
  Result<Value> Apply(Value record, const Slice& /*slice*/) const override {
    std::vector<std::pair<Value, std::string>> stack = {{record, "_"}};
    Entries out;
    bool with_parent = false;
    while (!stack.empty()) {
      const auto [value, name] = stack.back();
      stack.pop_back();
      if (value.is_map()) {
        for (const auto& [key, item] : value.as_map()) {
          const std::string own = jinja::ToText(key);
          const bool qualified = with_parent || FindEntry(out, own) != nullptr;
          stack.emplace_back(item, qualified ? name + "." + own : own);
        }
      } else if (value.is_list() && lists_) {
        for (size_t i = 0; i < value.as_list().size(); ++i) {
          with_parent = true;
          stack.emplace_back(value.as_list()[i], name + "." + std::to_string(i));
        }
      } else {
        Put(out, name, value);
      }
    }
    return Value::OfMap(std::move(out));
  }

 private:
  const bool lists_;
};

class DpathFlattenFields : public Transformation {
 public:
  explicit DpathFlattenFields(const RunContext& run) : run_(run) {}
  static Result<std::unique_ptr<Transformation>> Make(const Component& component, const RunContext& run) {
    auto made = std::make_unique<DpathFlattenFields>(run);
    ARROW_ASSIGN_OR_RAISE(made->path_, InterpolatedList(component, "field_path"));
    made->delete_origin_ = component.Flag("delete_origin_value");
    made->replace_ = component.Flag("replace_record");
    const Component keys = component.Child("key_transformation");
    if (keys.present()) {
      ARROW_ASSIGN_OR_RAISE(made->prefix_, InterpolatedField(keys, "prefix"));
      ARROW_ASSIGN_OR_RAISE(made->suffix_, InterpolatedField(keys, "suffix"));
    }
    return std::unique_ptr<Transformation>(std::move(made));
  }

  Result<Value> Apply(Value record, const Slice& /*slice*/) const override {
    Scope scope = run_.NewScope();
    Path path;
    for (const Interpolated& step : path_) {
      ARROW_ASSIGN_OR_RAISE(std::string text, step.EvalText(scope));
      path.push_back(std::move(text));
    }
    const Value found = ValueAt(record, path);
    if (!found.is_map()) return record;
    std::string prefix, suffix;
    if (!prefix_.empty()) {
      ARROW_ASSIGN_OR_RAISE(prefix, prefix_.EvalText(scope));
    }
    if (!suffix_.empty()) {
      ARROW_ASSIGN_OR_RAISE(suffix, suffix_.EvalText(scope));
    }
    Entries extracted;
    for (const auto& [key, value] : found.as_map()) Put(extracted, prefix + jinja::ToText(key) + suffix, value);
    if (replace_ && !extracted.empty()) return Value::OfMap(std::move(extracted));
    for (const auto& [key, value] : extracted) {
      if (record.Find(key.as_string())) return record;  // a name is taken: nothing is moved
    }
    if (delete_origin_) record = WithoutPath(record, path);
    return Merge(record, Value::OfMap(std::move(extracted)));
  }

 private:
  const RunContext& run_;
  std::vector<Interpolated> path_;
  bool delete_origin_ = false, replace_ = false;
  Interpolated prefix_, suffix_;
};

}  // namespace

Result<std::unique_ptr<Transformation>> Transformation::Make(const Component& component, const RunContext& run) {
  const std::string type = component.type();
  if (type == "AddFields") return AddFields::Make(component, run);
  if (type == "RemoveFields") return RemoveFields::Make(component, run);
  if (type == "KeysToLower") return RenameKeys::Make(component, run, RenameKeys::How::kLower);
  if (type == "KeysToSnakeCase") return RenameKeys::Make(component, run, RenameKeys::How::kSnakeCase);
  if (type == "KeysReplace") return RenameKeys::Make(component, run, RenameKeys::How::kReplace);
  if (type == "FlattenFields") {
    return std::unique_ptr<Transformation>(new FlattenFields(component.Flag("flatten_lists", true)));
  }
  if (type == "DpathFlattenFields") return DpathFlattenFields::Make(component, run);
  return ManifestError(component, "a transformation of type " + type + " cannot be run");
}

}  // namespace firn::source::airbyte
