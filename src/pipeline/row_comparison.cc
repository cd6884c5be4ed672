#include "pipeline/row_comparison.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "io/json_layout.h"

namespace firn::pipeline {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

const std::string* Find(const Members& members, const std::string& name) {
  const auto found = std::ranges::find(members, name, &Members::value_type::first);
  return found == members.end() ? nullptr : &found->second;
}

std::string TextOf(const std::string* value) {
  return value == nullptr ? "" : *value;
}

Members MembersOf(const std::string& row) {
  auto members = io::JsonMembers(row);
  return members.ok() ? *std::move(members) : Members();
}

// Names of both sides, those expected first.
std::vector<std::string> NamesOf(const Members& expected, const Members& got) {
  std::vector<std::string> names;
  for (const Members* side : {&expected, &got}) {
    for (const auto& [name, value] : *side) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

class TableComparison {
 public:
  TableComparison(const TestedTable& expected, const TestedTable& got, std::vector<RowDifference>* out)
      : expected_(expected), got_(got), out_(out) {}

  void Compare() {
    CompareMembers("", expected_.types, got_.types);
    const auto before = ByKey(expected_), now = ByKey(got_);
    if (!before || !now) return CompareWhole();
    for (const auto& [key, row] : *before) {
      const auto found = now->find(key);
      if (found == now->end()) {
        out_->push_back({.table = got_.name, .row = key, .column = "", .expected = *row, .got = ""});
      } else if (*found->second != *row) {
        CompareMembers(key, MembersOf(*row), MembersOf(*found->second));
      }
    }
    for (const auto& [key, row] : *now) {
      if (!before->contains(key)) {
        out_->push_back({.table = got_.name, .row = key, .column = "", .expected = "", .got = *row});
      }
    }
  }

 private:
  using Rows = std::map<std::string, const std::string*>;

  // Nullopt: the key does not tell the rows apart.
  std::optional<Rows> ByKey(const TestedTable& table) const {
    Rows rows;
    if (got_.key.empty()) return std::nullopt;
    for (const std::string& row : table.rows) {
      const Members members = MembersOf(row);
      std::string key;
      for (const std::string& column : got_.key) {
        const std::string* value = Find(members, column);
        if (value == nullptr) return std::nullopt;
        key += (key.empty() ? "{" : ",") + io::JsonString(column) + ":" + *value;
      }
      if (!rows.emplace(key + "}", &row).second) return std::nullopt;
    }
    return rows;
  }

  void CompareWhole() {
    std::multiset<std::string> before(expected_.rows.begin(), expected_.rows.end());
    std::vector<std::string> added;
    for (const std::string& row : got_.rows) {
      const auto found = before.find(row);
      if (found == before.end()) {
        added.push_back(row);
      } else {
        before.erase(found);
      }
    }
    for (const std::string& row : before) out_->push_back({got_.name, row, "", row, ""});
    for (const std::string& row : added) out_->push_back({got_.name, row, "", "", row});
  }

  void CompareMembers(const std::string& row, const Members& expected, const Members& got) {
    for (const std::string& name : NamesOf(expected, got)) {
      const std::string before = TextOf(Find(expected, name)), now = TextOf(Find(got, name));
      if (before != now) out_->push_back({got_.name, row, name, before, now});
    }
  }

  const TestedTable& expected_;
  const TestedTable& got_;
  std::vector<RowDifference>* const out_;
};

}  // namespace

std::vector<RowDifference> CompareTables(const std::vector<TestedTable>& expected,
                                         const std::vector<TestedTable>& got) {
  std::vector<RowDifference> out;
  for (const TestedTable& table : got) {
    const auto found = std::ranges::find(expected, table.name, &TestedTable::name);
    if (found == expected.end()) {
      out.push_back({table.name, "", "", "", std::to_string(table.rows.size()) + " rows"});
    } else {
      TableComparison(*found, table, &out).Compare();
    }
  }
  for (const TestedTable& table : expected) {
    if (std::ranges::find(got, table.name, &TestedTable::name) != got.end()) continue;
    out.push_back({table.name, "", "", std::to_string(table.rows.size()) + " rows", ""});
  }
  return out;
}

std::string ToText(const RowDifference& difference) {
  constexpr size_t kValueBytesMax = 200;
  const auto shown = [](const std::string& value, const char* none) {
    if (value.empty()) return std::string(none);
    return value.size() <= kValueBytesMax ? value : value.substr(0, kValueBytesMax) + "…";
  };
  std::string text = difference.table;
  if (!difference.row.empty()) text += " " + shown(difference.row, "");
  if (!difference.column.empty()) text += (difference.row.empty() ? " column " : " ") + difference.column;
  const char* none = !difference.column.empty() ? "nothing" : difference.row.empty() ? "no table" : "no row";
  return text + ": expected " + shown(difference.expected, none) + ", got " + shown(difference.got, none);
}

}  // namespace firn::pipeline
