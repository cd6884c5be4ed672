#include "query/sql_rewrite.h"

#include <algorithm>
#include <utility>

#include "query/duckdb_error.h"
#include "query/sql_tokens.h"
#include "query/syntax_tree.h"

namespace firn::query {
namespace {

constexpr char kForeignCatalog[] = "firn_foreign_";

Status NotUnderstood(std::string why) {
  return MakeError(Fault::kConfig, "the query cannot be understood",
                   {.code = "E0707",
                    .why = std::move(why),
                    .state = "nothing was changed",
                    .next = "correct the statement; the dialect is DuckDB's"});
}

bool StartsReading(const Token& token) {
  if (IsSymbol(token, "(")) return true;
  constexpr std::string_view kWords[] = {"SELECT",  "WITH",     "FROM",      "VALUES", "TABLE",
                                         "UNPIVOT", "DESCRIBE", "SUMMARIZE", "SHOW",   "DESC"};
  return std::any_of(std::begin(kWords), std::end(kWords), [&](std::string_view w) { return IsKeyword(token, w); });
}

Status NoStatement(std::string what) {
  return MakeError(Fault::kConfig, std::move(what),
                   {.code = "E0703",
                    .state = "nothing was changed",
                    .next = "firn sql \"select * from <namespace>.<table> limit 10\""});
}

// Cuts trailing ";" and everything after; a token after it is a second statement.
Result<std::string> OnlyStatement(std::string_view sql, const std::vector<Token>& tokens) {
  const auto end = std::find_if(tokens.begin(), tokens.end(), [](const Token& t) { return IsSymbol(t, ";"); });
  if (end == tokens.begin()) return NoStatement("there is no statement to run");
  const bool more = std::any_of(end, tokens.end(), [](const Token& t) { return !IsSymbol(t, ";"); });
  if (more) return NoStatement("there is more than one statement; one at a time is run");
  return std::string(sql.substr(0, std::prev(end)->end));
}

// Returns the index after EXPLAIN [ANALYZE] [(…)].
size_t SkipExplain(const std::vector<Token>& tokens) {
  if (tokens.empty() || !IsKeyword(tokens[0], "EXPLAIN")) return 0;
  size_t at = 1;
  if (at < tokens.size() && IsKeyword(tokens[at], "ANALYZE")) ++at;
  // "(FORMAT json)" belongs to EXPLAIN, "(SELECT …)" does not.
  const bool options = at + 1 < tokens.size() && IsSymbol(tokens[at], "(") &&
                       (IsKeyword(tokens[at + 1], "FORMAT") || IsKeyword(tokens[at + 1], "ANALYZE"));
  if (!options) return at;
  while (at < tokens.size() && !IsSymbol(tokens[at], ")")) ++at;
  return std::min(at + 1, tokens.size());
}

struct Edit {
  size_t begin;
  size_t end;
  std::string text;
};

std::string Apply(std::string_view text, std::vector<Edit> edits) {
  std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
  std::string out;
  size_t at = 0;
  for (const Edit& edit : edits) {
    out.append(text.substr(at, edit.begin - at)).append(edit.text);
    at = edit.end;
  }
  return out.append(text.substr(at));
}

struct Foreign {
  std::string metadata;
  std::string written;
};

bool IsIcebergCall(const std::vector<Token>& tokens, size_t i) {
  const Token& token = tokens[i];
  if (token.kind != TokenKind::kWord && token.kind != TokenKind::kQuoted) return false;
  const std::string name = LowerName(token.value);
  if (name != "iceberg" && name != "iceberg_scan") return false;
  if (i > 0 && IsSymbol(tokens[i - 1], ".")) return false;
  return i + 1 < tokens.size() && IsSymbol(tokens[i + 1], "(");
}

// DuckDB's grammar has no AT after a table function, so iceberg('…') becomes the name of a table first.
Result<std::string> NameForeignTables(const std::string& sql, const std::vector<Token>& tokens,
                                      std::vector<Foreign>& foreign) {
  std::vector<Edit> edits;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!IsIcebergCall(tokens, i)) continue;
    const bool literal =
        i + 3 < tokens.size() && tokens[i + 2].kind == TokenKind::kString && IsSymbol(tokens[i + 3], ")");
    if (!literal) return NotUnderstood("iceberg(…) takes one string: the path of a table's .metadata.json file");
    const size_t begin = tokens[i].begin;
    const size_t end = tokens[i + 3].end;
    edits.push_back(
        {.begin = begin, .end = end, .text = kForeignCatalog + std::to_string(foreign.size()) + ".main.iceberg"});
    foreign.push_back({.metadata = tokens[i + 2].value, .written = sql.substr(begin, end - begin)});
  }
  return Apply(sql, std::move(edits));
}

// Reads the tokens of one reference: name parts, then the alias, then AT (…).
class ReferenceReader {
 public:
  ReferenceReader(const std::string& text, const std::vector<Token>& tokens) : text_(text), tokens_(tokens) {}

  Result<TableReference> Read(const TreeTable& table) {
    const auto found = std::lower_bound(tokens_.begin(), tokens_.end(), table.location,
                                        [](const Token& token, size_t at) { return token.begin < at; });
    at_ = static_cast<size_t>(found - tokens_.begin());
    if (found == tokens_.end() || found->begin != table.location) return Lost(table);
    TableReference reference;
    ARROW_RETURN_NOT_OK(ReadName(table, reference));
    reference.conditions = table.conditions;
    if (!table.has_at) return reference;
    if (!table.alias.empty()) SkipAlias();
    ARROW_RETURN_NOT_OK(ReadAt(table, reference));
    return reference;
  }

 private:
  static Status Lost(const TreeTable& table) {
    return MakeError(Fault::kBug, "the place of a table in the query was lost: " + table.table, {.code = "E0707"});
  }

  bool Is(size_t at, std::string_view symbol) const { return at < tokens_.size() && IsSymbol(tokens_[at], symbol); }

  Status ReadName(const TreeTable& table, TableReference& out) {
    for (const std::string& part : {table.catalog, table.schema, table.table}) {
      if (!part.empty()) out.name.push_back(part);
    }
    if (out.name.empty()) return Lost(table);
    out.name_begin = tokens_[at_].begin;
    for (size_t i = 0; i < out.name.size(); ++i) {
      if (i > 0 && !Is(at_++, ".")) return Lost(table);
      if (at_ >= tokens_.size() || LowerName(tokens_[at_].value) != LowerName(out.name[i])) return Lost(table);
      out.name_end = tokens_[at_++].end;
    }
    out.at_begin = out.at_end = out.name_end;
    out.written = text_.substr(out.name_begin, out.name_end - out.name_begin);
    return Status::OK();
  }

  void SkipAlias() {
    if (at_ < tokens_.size() && IsKeyword(tokens_[at_], "AS")) ++at_;
    ++at_;
    if (Is(at_, "(")) SkipParentheses();
  }

  // Leaves at_ after the ")" that closes the "(" at at_.
  void SkipParentheses() {
    int depth = 0;
    while (at_ < tokens_.size()) {
      depth += Is(at_, "(") ? 1 : 0;
      depth -= Is(at_, ")") ? 1 : 0;
      ++at_;
      if (depth == 0) return;
    }
  }

  Status ReadAt(const TreeTable& table, TableReference& out) {
    const size_t keyword = at_;
    if (keyword + 4 >= tokens_.size() || !IsKeyword(tokens_[keyword], "AT") || !Is(keyword + 1, "(") ||
        !Is(keyword + 3, "=>")) {
      return Lost(table);
    }
    at_ = keyword + 1;
    SkipParentheses();
    const Token& close = tokens_[at_ - 1];
    out.at = table.at_version ? TableReference::At::kVersion : TableReference::At::kTimestamp;
    out.at_begin = tokens_[keyword].begin;
    out.at_end = close.end;
    const size_t begin = tokens_[keyword + 4].begin;
    out.at_expression = text_.substr(begin, close.begin - begin);
    return Status::OK();
  }

  const std::string& text_;
  const std::vector<Token>& tokens_;
  size_t at_ = 0;
};

Status FromTreeError(const SyntaxError& error, const std::vector<Token>& tokens) {
  if (!error.only_select) return TranslatePrepareError("Parser Error: " + error.message);
  const bool pivot = std::any_of(tokens.begin(), tokens.end(), [](const Token& t) { return IsKeyword(t, "PIVOT"); });
  if (!pivot) return NotReading();
  return NotUnderstood("PIVOT needs its values named: FROM t PIVOT (sum(x) FOR c IN ('a', 'b'))");
}

// What is no statement at all (`selec 1`) is a slip, not an attempt to change something.
Status NotASelect(const std::string& statement, const std::vector<Token>& tokens, const SyntaxTree& syntax_tree) {
  ARROW_ASSIGN_OR_RAISE(const std::string json, syntax_tree(statement));
  ARROW_ASSIGN_OR_RAISE(const TreeResult tree, ReadSyntaxTree(json));
  const bool slip = !tree.error.empty() && !tree.error[0].only_select;
  return slip ? FromTreeError(tree.error[0], tokens) : NotReading();
}

void NameForeign(TableReference& reference, const std::vector<Foreign>& foreign) {
  if (reference.name.size() != 3 || !reference.name[0].starts_with(kForeignCatalog)) return;
  const size_t index = static_cast<size_t>(std::atoi(reference.name[0].c_str() + sizeof(kForeignCatalog) - 1));
  if (index >= foreign.size()) return;
  reference.name.clear();
  reference.metadata = foreign[index].metadata;
  reference.written = foreign[index].written;
}

}  // namespace

Result<ParsedQuery> ParseQuery(std::string_view sql, const SyntaxTree& syntax_tree) {
  ARROW_ASSIGN_OR_RAISE(std::vector<Token> tokens, Tokenize(sql));
  ARROW_ASSIGN_OR_RAISE(std::string statement, OnlyStatement(sql, tokens));
  const size_t first = SkipExplain(tokens);
  if (first >= tokens.size() || !StartsReading(tokens[first])) return NotASelect(statement, tokens, syntax_tree);
  ParsedQuery query;
  query.prefix = statement.substr(0, first == 0 ? 0 : tokens[first].begin);
  statement.erase(0, query.prefix.size());

  std::vector<Foreign> foreign;
  ARROW_ASSIGN_OR_RAISE(tokens, Tokenize(statement));
  ARROW_ASSIGN_OR_RAISE(query.text, NameForeignTables(statement, tokens, foreign));
  ARROW_ASSIGN_OR_RAISE(tokens, Tokenize(query.text));
  ARROW_ASSIGN_OR_RAISE(const std::string json, syntax_tree(query.text));
  ARROW_ASSIGN_OR_RAISE(const TreeResult tree, ReadSyntaxTree(json));
  if (!tree.error.empty()) return FromTreeError(tree.error[0], tokens);
  if (tree.num_statements != 1) return NoStatement("there is not exactly one statement to run");
  if (tree.show_tables) query.kind = QueryKind::kShowTables;
  for (const TreeTable& table : tree.tables) {
    ARROW_ASSIGN_OR_RAISE(TableReference reference, ReferenceReader(query.text, tokens).Read(table));
    // The tree may hold one place twice (UNPIVOT and the like are expanded by the parser).
    const bool seen = !query.references.empty() && query.references.back().name_begin == reference.name_begin;
    if (seen) {
      query.references.back().conditions.clear();
      continue;
    }
    if (!query.references.empty() && reference.name_begin < query.references.back().name_end) {
      return MakeError(Fault::kBug, "two tables in one place of the query", {.code = "E0707"});
    }
    NameForeign(reference, foreign);
    query.references.push_back(std::move(reference));
  }
  return query;
}

std::string Splice(const ParsedQuery& query, const std::vector<std::string>& names) {
  std::vector<Edit> edits;
  for (size_t i = 0; i < query.references.size(); ++i) {
    const TableReference& reference = query.references[i];
    edits.push_back({.begin = reference.name_begin, .end = reference.name_end, .text = names[i]});
    if (reference.at_begin != reference.at_end) {
      edits.push_back({.begin = reference.at_begin, .end = reference.at_end, .text = ""});
    }
  }
  return query.prefix + Apply(query.text, std::move(edits));
}

}  // namespace firn::query
