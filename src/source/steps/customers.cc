#include "source/steps/customers.h"

#include <optional>
#include <set>
#include <utility>

#include "config/file_text.h"
#include "expression/javascript/utf16.h"
#include "format/csv/row_reader.h"
#include "io/mariadb_rows.h"
#include "io/postgres_rows.h"
#include "io/sqlite_rows.h"

namespace firn::source::steps {
namespace {

using expression::javascript::Object;
using expression::javascript::Value;

constexpr char kDatabaseSetting[] = "customers.database";

Status Unreadable(const std::string& place, const std::string& why, std::string next, Fault fault = Fault::kConfig) {
  return MakeError(fault, "the customers cannot be read: " + why,
                   {.code = "E0539", .where = place, .state = "nothing was read", .next = std::move(next)});
}

// Takes rows, and judges their names.
class CustomerList {
 public:
  CustomerList(const std::string& place, const std::string& key) : place_(place), key_(key) {}

  Status Add(const io::SqlCells& cells) {
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
    if (static_cast<int64_t>(customers_.size()) == kCustomersMax) {
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
    io::SqlCells cells;
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

// Nothing of the address is said but what the databases say of themselves: it may hold a password.
std::string PlaceOf(const config::StepsSourceConfig& source) {
  if (!source.customers_file.empty()) return source.customers_file;
  return source.customers_server() ? kDatabaseSetting : source.customers_database;
}

Status AskDatabase(const config::StepsSourceConfig& source, const io::TakeSqlRow& take) {
  const io::SqlLimits limits{.rows_max = kCustomersMax + 1};
  const std::string& address = source.customers_database;
  const std::string& query = source.customers_query;
  if (!source.customers_server()) return io::ReadSqliteRows(address, query, limits, take);
  if (address.starts_with("mysql://")) {
    ARROW_ASSIGN_OR_RAISE(const auto target,
                          io::ParseMariaDbTarget(address, source.customers_password, kDatabaseSetting));
    return io::ReadMariaDbRows(target, query, limits, take);
  }
  ARROW_ASSIGN_OR_RAISE(const auto target,
                        io::ParsePostgresTarget(address, source.customers_password, kDatabaseSetting));
  return io::ReadPostgresRows(target, query, limits, take);
}

Status ReadDatabase(const config::StepsSourceConfig& source, const std::string& place, CustomerList* list) {
  Status taken;  // of a row that makes no sense: it is said as it is
  const Status asked = AskDatabase(source, [&](const io::SqlCells& cells) { return taken = list->Add(cells); });
  if (asked.ok() || !taken.ok()) return asked;
  return Unreadable(place, asked.message(), "correct `database` or `query`", FaultOf(asked));
}

}  // namespace

Result<std::vector<Customer>> ReadCustomers(const config::StepsSourceConfig& source) {
  const std::string place = PlaceOf(source);
  CustomerList list(place, source.customer_key);
  ARROW_RETURN_NOT_OK(source.customers_file.empty() ? ReadDatabase(source, place, &list) : ReadFile(place, &list));
  std::vector<Customer> customers = list.Take();
  if (customers.empty()) return Unreadable(place, "there are none", "add one");
  return customers;
}

}  // namespace firn::source::steps
