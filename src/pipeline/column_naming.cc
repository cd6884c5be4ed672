#include "pipeline/column_naming.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "format/json/column_plan.h"
#include "pipeline/run_columns.h"

namespace firn::pipeline {
namespace {

using format::json::FieldNote;
using format::json::FormatNote;
using format::json::ParseNote;

bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsLowerOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool IsWordByte(char c) {
  return IsUpper(c) || IsLowerOrDigit(c) || static_cast<unsigned char>(c) >= 0x80;
}
std::string Styled(const std::string& key, config::Naming naming) {
  switch (naming) {
    case config::Naming::kSource:
      return key;
    case config::Naming::kLower:
      return AsciiLower(key);
    case config::Naming::kSnakeCase:
      return SnakeCase(key);
  }
  return key;
}

// What a decoded or stored column is about: a key, and for a second type its suffix ("__string").
struct Identity {
  std::string key;
  std::string suffix;
  friend bool operator==(const Identity&, const Identity&) = default;
};

Identity IdentityOf(const schema::Field& field) {
  const FieldNote note = ParseNote(field.doc);
  Identity identity{.key = note.key.value_or(field.name), .suffix = ""};
  const size_t mark = field.name.rfind("__");
  if (note.sibling && mark != std::string::npos) identity.suffix = field.name.substr(mark);
  return identity;
}

class Level {
 public:
  /// `prefix`: source path of the struct with a dot behind it; empty: the row.
  Level(config::Naming naming, const std::vector<schema::Field>* known, const ChosenNames& chosen, std::string prefix)
      : naming_(naming), known_(known), chosen_(chosen), prefix_(std::move(prefix)) {
    const bool top = prefix_.empty();
    if (top) used_ = {AsciiLower(kLoadedAtColumn), AsciiLower(kRunIdColumn)};
    if (top) used_.insert({"_op", "_sequence", "_unchanged", "_old_key"});
    if (!top) used_.insert("_empty");
    if (known == nullptr) return;
    for (const schema::Field& field : *known) used_.insert(AsciiLower(field.name));
  }

  schema::Field Named(const schema::Field& decoded, bool top) {
    schema::Field out = decoded;
    const bool presence = !top && decoded.name == "_empty" && decoded.doc.empty();
    const schema::Field* known = presence ? nullptr : Known(decoded);
    if (known != nullptr) {
      out.name = known->name;
      out.doc = known->doc;
    } else if (!presence) {
      Rename(decoded, &out);
    }
    const schema::Field* same = known != nullptr ? known : ByName(out.name);
    const std::string below = prefix_ + IdentityOf(decoded).key + ".";
    out.type = NamedType(decoded.type, same == nullptr ? nullptr : same->type.get(), below);
    return out;
  }

  std::vector<schema::Field> All(const std::vector<schema::Field>& fields, bool top) {
    std::vector<schema::Field> out;
    for (const schema::Field& field : fields) out.push_back(Named(field, top));
    return out;
  }

 private:
  const schema::Field* Known(const schema::Field& decoded) const {
    if (known_ == nullptr) return nullptr;
    const Identity identity = IdentityOf(decoded);
    for (const schema::Field& field : *known_) {
      if (IdentityOf(field) == identity) return &field;
    }
    return nullptr;
  }

  const schema::Field* ByName(const std::string& name) const {
    if (known_ == nullptr) return nullptr;
    for (const schema::Field& field : *known_) {
      if (field.name == name) return &field;
    }
    return nullptr;
  }

  void Rename(const schema::Field& decoded, schema::Field* out) {
    const Identity identity = IdentityOf(decoded);
    const auto chosen = chosen_.find(prefix_ + identity.key);
    if (chosen == chosen_.end() && naming_ == config::Naming::kSource && KeepsName(decoded)) return;
    std::string stem = chosen != chosen_.end() ? chosen->second : Styled(identity.key, naming_);
    if (stem.empty()) stem = "_";
    // Without dots to take out, only the decoder's name is a path of its own ("a.b__2" beside the "b" of "a").
    const bool lower = naming_ == config::Naming::kLower && chosen == chosen_.end();
    stem = lower ? AsciiLower(decoded.name) : stem + identity.suffix;
    if (chosen == chosen_.end() && naming_ == config::Naming::kSource) stem = decoded.name;
    std::string name = stem;
    for (int number = 2; !used_.insert(AsciiLower(name)).second; ++number) name = stem + "__" + std::to_string(number);
    out->name = name;
    FieldNote note = ParseNote(decoded.doc);
    if (name != identity.key || note.key) note.key = identity.key;
    out->doc = FormatNote(note);
  }

  // A name of the source's that no chosen one has taken.
  bool KeepsName(const schema::Field& decoded) {
    return std::ranges::none_of(chosen_, [&](const auto& entry) {
      return entry.first.starts_with(prefix_) && AsciiLower(entry.second) == AsciiLower(decoded.name);
    });
  }

  schema::TypePtr NamedType(const schema::TypePtr& type, const schema::Type* known, const std::string& below) const {
    if (!type->is_nested()) return type;
    const bool same = known != nullptr && known->id == type->id;
    schema::Type out = *type;
    if (type->id == schema::TypeId::kStruct) {
      out.children = Level(naming_, same ? &known->children : nullptr, chosen_, below).All(type->children, false);
    } else {
      for (size_t i = 0; i < out.children.size(); ++i) {
        out.children[i].type = NamedType(type->children[i].type, same ? known->children[i].type.get() : nullptr, below);
      }
    }
    return std::make_shared<const schema::Type>(std::move(out));
  }

  const config::Naming naming_;
  const std::vector<schema::Field>* const known_;  // columns of the table at this place, or null
  const ChosenNames& chosen_;
  const std::string prefix_;
  std::set<std::string> used_;  // lower case
};

}  // namespace

std::string SnakeCase(std::string_view name) {
  std::string out;
  if (name.starts_with('_')) out = "_";
  bool gap = false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!IsWordByte(c)) {
      gap = true;
      continue;
    }
    const bool after_small = i > 0 && IsLowerOrDigit(name[i - 1]);
    const bool last_of_capitals =
        i > 0 && IsUpper(name[i - 1]) && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z';
    const bool begins_word = gap || (IsUpper(c) && (after_small || last_of_capitals));
    if (begins_word && !out.empty() && out.back() != '_') out += '_';
    if (out.empty() && c >= '0' && c <= '9') out += '_';
    out += AsciiLower(c);
    gap = false;
  }
  return out;
}

std::string StyledName(const std::string& key, config::Naming naming) {
  return Styled(key, naming);
}

schema::Schema WithNaming(const schema::Schema& decoded, config::Naming naming, const schema::Schema* table,
                          const ChosenNames& chosen) {
  if (naming == config::Naming::kSource && chosen.empty()) return decoded;
  schema::Schema out = decoded;
  out.fields = Level(naming, table == nullptr ? nullptr : &table->fields, chosen, "").All(decoded.fields, true);
  return out;
}

const schema::Field* ColumnOfKey(const schema::Schema& schema, std::string_view key) {
  const schema::Field* by_name = nullptr;
  for (const schema::Field& field : schema.fields) {
    const FieldNote note = ParseNote(field.doc);
    if (note.sibling) continue;
    if (note.key && *note.key == key) return &field;
    if (!note.key && field.name == key) by_name = &field;
  }
  return by_name;
}

}  // namespace firn::pipeline
