#include "source/steps/customers.h"

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "config/file_text.h"
#include "expression/javascript/utf16.h"
#include "format/csv/row_reader.h"

namespace firn::source::steps {
namespace {

using expression::javascript::Object;
using expression::javascript::Value;

using Cells = std::vector<std::pair<std::string, std::optional<std::string>>>;  // by column; nullopt: null

Status Unreadable(const std::string& place, const std::string& why, std::string next) {
  return MakeError(Fault::kConfig, "the customers cannot be read: " + why,
                   {.code = "E0539", .where = place, .state = "nothing was read", .next = std::move(next)});
}

// Takes rows, and judges their names.
class CustomerList {
 public:
  CustomerList(const std::string& place, const std::string& key) : place_(place), key_(key) {}

  Status Add(const Cells& cells) {
    Customer customer;
    Object columns;
    bool has_key = false;
    for (const auto& [name, text] : cells) {
      if (name == key_) has_key = true;
      if (name == key_ && text) customer.key = *text;
      if (text && !text->empty()) columns.Put(expression::javascript::ToUtf16(name), Value::Utf8(*text));
    }
    if (!has_key) return Unreadable(place_, "there is no column `" + key_ + "`", "name a column of it by `key`");
    if (customer.key.empty()) {
      return Unreadable(place_, "customer " + std::to_string(customers_.size() + 1) + " has no `" + key_ + "`",
                        "give each customer a name of its own");
    }
    if (!keys_.insert(customer.key).second) {
      return Unreadable(place_, "two customers are called " + customer.key, "give each customer a name of its own");
    }
    if (customers_.size() == kCustomersMax) {
      return Unreadable(place_, "there are more than " + std::to_string(kCustomersMax),
                        "make several pipelines of them");
    }
    customer.columns = Value::OfObject(std::move(columns));
    customers_.push_back(std::move(customer));
    return Status::OK();
  }

  std::vector<Customer> Take() { return std::move(customers_); }

 private:
  const std::string& place_;
  const std::string& key_;
  std::vector<Customer> customers_;
  std::set<std::string> keys_;
};

Status TakePage(const format::CellPage& page, const std::string& place, CustomerList* list) {
  if (!page.bad.empty()) {
    const auto line = page.LineOf(page.bad.front().begin);
    return Unreadable(place, "line " + std::to_string(line) + ": " + page.bad.front().reason, "correct the line");
  }
  std::string scratch;
  for (uint32_t record = 0; record < page.num_records; ++record) {
    Cells cells;
    for (size_t c = 0; c < page.num_columns(); ++c) {
      const format::Cell cell = CellAt(page, record, c, scratch);
      cells.emplace_back((*page.columns)[c], cell.is_null ? std::nullopt : std::optional(std::string(cell.text)));
    }
    ARROW_RETURN_NOT_OK(list->Add(cells));
  }
  return Status::OK();
}

Status ReadFile(const std::string& path, CustomerList* list) {
  const auto text = config::ReadFileText(path, kCustomersBytesMax);
  if (!text.ok()) return Unreadable(path, text.status().message(), "write the path of a CSV file");
  format::csv::RowReader reader({.csv = {.header = true}});
  Status read = reader.Push(*text);
  if (read.ok()) read = reader.Finish();
  if (!read.ok()) return Unreadable(path, read.message(), "write a CSV file with a header");
  while (const auto rows = reader.Pop()) ARROW_RETURN_NOT_OK(TakePage(*rows->page, path, list));
  return Status::OK();
}

Status ReadDatabase(const std::string& path, const std::string& query, CustomerList* list) {
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, SQLITE_OPEN_READONLY, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database(opened, sqlite3_close);
  const auto failed = [&] {
    return Unreadable(path, opened == nullptr ? "no memory" : sqlite3_errmsg(opened), "correct `database` or `query`");
  };
  if (code != SQLITE_OK) return failed();
  sqlite3_busy_timeout(opened, 10'000);
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(opened, query.c_str(), -1, &prepared, nullptr) != SQLITE_OK) return failed();
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(prepared, sqlite3_finalize);
  if (prepared == nullptr || sqlite3_stmt_readonly(prepared) == 0) {
    return Unreadable(path, "the query does not only read", "write a select");
  }
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(prepared)) == SQLITE_ROW) {
    Cells cells;
    for (int c = 0; c < sqlite3_column_count(prepared); ++c) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(prepared, c));
      cells.emplace_back(sqlite3_column_name(prepared, c),
                         text == nullptr ? std::nullopt : std::optional<std::string>(text));
    }
    ARROW_RETURN_NOT_OK(list->Add(cells));
  }
  return step == SQLITE_DONE ? Status::OK() : failed();
}

}  // namespace

Result<std::vector<Customer>> ReadCustomers(const config::StepsSourceConfig& source) {
  const bool from_file = !source.customers_file.empty();
  const std::string& place = from_file ? source.customers_file : source.customers_database;
  CustomerList list(place, source.customer_key);
  ARROW_RETURN_NOT_OK(from_file ? ReadFile(place, &list) : ReadDatabase(place, source.customers_query, &list));
  std::vector<Customer> customers = list.Take();
  if (customers.empty()) return Unreadable(place, "there are none", "add one");
  return customers;
}

}  // namespace firn::source::steps
